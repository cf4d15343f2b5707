"""Packs results into bus beats, in the layout that RESULT_MODE asks for (lst_overlay.registers.ResultMode)."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Signal


class ResultPacker(LiteXModule):
    """sink:   word (32 bits): the logits of an image, an even number of them, then its class with last.
    source: data (64 bits). Mode 0: eight classes, bytes of a batch's last beat beyond its images are 0.
            Mode 1: two words a beat, image number beside the class.
    start:  one clock: image numbers begin at 0 again; ``images`` and ``logits_mode`` stay constant until the batch ends.
    """

    def __init__(self, images_width: int = 20):
        self.sink = sink = stream.Endpoint([("word", 32)])
        self.source = source = stream.Endpoint([("data", 64)])
        self.start = Signal()
        self.logits_mode = Signal()
        self.images = Signal(images_width)

        # # #

        number = Signal(images_width)
        left = Signal(images_width)
        place = Signal(8, reset=1)  # of the next class in its beat, one bit of eight
        final = Signal()  # the next class is the batch's last; known two clocks after the one before was put
        odd = Signal()
        full = Signal()  # a word waits for its place
        word = Signal(32, reset_less=True)
        last = Signal()
        put = Signal()
        low, high = source.data[:32], source.data[32:]
        # A word every other clock: the handshake goes no further than ``full``.
        self.comb += [sink.ready.eq(~full), put.eq(full & (~source.valid | source.ready))]
        self.sync += [
            full.eq(Mux(full, ~put, sink.valid)),
            If(~full, word.eq(sink.word), last.eq(sink.last)),
            If(source.ready, source.valid.eq(0)),
            final.eq(left == 1),
            If(put & last, number.eq(number + 1), left.eq(left - 1), place.eq(Cat(place[7], place[:7]))),
            If(
                put & self.logits_mode,
                If(odd, high.eq(word)).Else(low.eq(word)),
                If(last, high.eq(number)),
                odd.eq(~odd & ~last),
                source.valid.eq(odd | last),
            ),
            If(
                put & ~self.logits_mode & last,
                If(place[0], source.data.eq(0)),
                *[If(place[i], source.data[8 * i : 8 * i + 8].eq(word[:8])) for i in range(8)],
                source.valid.eq(place[7] | final),
            ),
            If(self.start, number.eq(0), left.eq(self.images), place.eq(1), odd.eq(0)),
        ]
