"""Packs results into bus beats, in the layout that RESULT_MODE asks for (gateware.register_table.ResultMode)."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, If, Signal


class ResultPacker(LiteXModule):
    """sink:   word (32 bits): the logits of an image, an even number of them, then its class with last.
    source: data (64 bits). Mode 0: eight classes, bytes of a batch's last beat beyond its images are 0.
            Mode 1: two words a beat, image number beside the class.
    start:  one clock: image numbers begin at 0 again; ``images`` and ``logits_mode`` stay constant until the batch ends.
    """

    def __init__(self, images_width: int = 20):
        self.sink = sink = stream.Endpoint([("word", 32)])
        self.source = source = stream.Endpoint([("data", 64)])
        self.start, self.logits_mode, self.images = Signal(), Signal(), Signal(images_width)

        # # #

        number, final = Signal(images_width), Signal()
        odd, taken = Signal(), Signal()
        # A word is taken only while no beat waits: half the rate of the bus, many times the engine's.
        self.comb += [sink.ready.eq(~source.valid), taken.eq(sink.valid & sink.ready)]
        low, high = source.data[:32], source.data[32:]
        self.sync += [
            final.eq(number == self.images - 1),
            If(source.ready, source.valid.eq(0)),
            If(taken,
                If(sink.last, number.eq(number + 1)),
                If(self.logits_mode,
                    odd.eq(~odd & ~sink.last),
                    If(odd, high.eq(sink.word)).Else(low.eq(sink.word)),
                    If(sink.last, high.eq(number)),
                    source.valid.eq(odd | sink.last),
                ).Elif(sink.last,
                    Case(number[:3], {0: source.data.eq(sink.word[:8]),
                                      **{i: source.data[8 * i:8 * i + 8].eq(sink.word[:8]) for i in range(1, 8)}}),
                    source.valid.eq((number[:3] == 7) | final))),
            If(self.start, number.eq(0), odd.eq(0)),
        ]
