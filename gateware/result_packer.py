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

        number, last_number, final = Signal(images_width), Signal(images_width), Signal()
        odd, taken, last = Signal(), Signal(), Signal()
        word = Signal(32, reset_less=True)
        # Taken in one clock, placed in the next; another one only when no beat waits. Many times the engine's rate.
        self.comb += sink.ready.eq(~taken & ~source.valid)
        low, high, place = source.data[:32], source.data[32:], number[:3]
        self.sync += [
            taken.eq(sink.valid & sink.ready), word.eq(sink.word), last.eq(sink.last),
            last_number.eq(self.images - 1), final.eq(number == last_number),
            If(source.ready, source.valid.eq(0)),
            If(taken & self.logits_mode,
                odd.eq(~odd & ~last),
                If(odd, high.eq(word)).Else(low.eq(word)),
                If(last, high.eq(number)),
                source.valid.eq(odd | last)),
            If(taken & last & ~self.logits_mode,
                If(place == 0, source.data.eq(0)),
                Case(place, {i: source.data[8 * i:8 * i + 8].eq(word[:8]) for i in range(8)}),
                source.valid.eq((place == 7) | final)),
            If(taken & last, number.eq(number + 1)),
            If(self.start, number.eq(0), odd.eq(0)),
        ]
