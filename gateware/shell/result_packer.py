"""Packs results into bus beats, in the layout that RESULT_MODE asks for (lst_overlay.memory.results)."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Signal

from lst_overlay.registers import IMAGES_WIDTH


class ResultPacker(LiteXModule):
    """``values``: words of an image in front of its class.

    sink:   word (32 bits): in mode 1 the values of an image, in both modes then its class, with last.
    source: data (64 bits). Mode 0: eight classes, bytes of a batch's last beat beyond its images are 0.
            Mode 1: two words a beat, the image number behind the class, the last beat of a record padded with 0.
    start:  one clock: image numbers begin at 0 again; ``images`` and ``logits_mode`` stay constant until the batch ends.
    """

    def __init__(self, values: int):
        self.sink = sink = stream.Endpoint([("word", 32)])
        self.source = source = stream.Endpoint([("data", 64)])
        self.start = Signal()
        self.logits_mode = Signal()
        self.images = Signal(IMAGES_WIDTH)

        # # #

        number = Signal(IMAGES_WIDTH)
        left = Signal(IMAGES_WIDTH)
        place = Signal(8, reset=1)  # of the next class in its beat, one bit of eight
        final = Signal()  # the next class is the batch's last; right two clocks after the one before was put
        odd = Signal()
        full = Signal()  # a word waits for its place
        word = Signal(32, reset_less=True)
        last = Signal()
        put = Signal()
        free = Signal()  # a beat can be made
        # With an even number of values the class is the low word of its beat and the number the high one;
        # else the class fills its beat, and the number begins another.
        shared_beat = values % 2 == 0
        low, high = source.data[:32], source.data[32:]
        # A word every other clock: the handshake goes no further than ``full``.
        self.comb += [sink.ready.eq(~full), free.eq(~source.valid | source.ready)]
        self.sync += [
            full.eq(Mux(full, ~put, sink.valid)),
            If(~full, word.eq(sink.word), last.eq(sink.last)),
            If(source.ready, source.valid.eq(0)),
            final.eq(left == 1),
            If(put & last, number.eq(number + 1), left.eq(left - 1), place.eq(Cat(place[7], place[:7]))),
            If(
                put & self.logits_mode,
                If(odd, high.eq(word)).Else(low.eq(word)),
                *[If(last, high.eq(number))] * shared_beat,
                odd.eq(~odd & ~last),
                source.valid.eq(odd | last),
            ),
            If(
                put & ~self.logits_mode & last,
                If(place[0], source.data.eq(0)),
                *[If(place[i], source.data[8 * i : 8 * i + 8].eq(word[:8])) for i in range(8)],
                source.valid.eq(place[7] | final),
            ),
        ]
        if shared_beat:
            self.comb += put.eq(full & free)
        else:
            follows = Signal()
            following = Signal(IMAGES_WIDTH, reset_less=True)
            self.comb += put.eq(full & free & ~follows)
            self.sync += [
                If(follows & free, low.eq(following), high.eq(0), source.valid.eq(1), follows.eq(0)),
                If(put & last, following.eq(number), follows.eq(self.logits_mode)),
            ]
        self.sync += If(self.start, number.eq(0), left.eq(self.images), place.eq(1), odd.eq(0))
