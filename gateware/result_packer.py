"""Packs results into bus beats, in the layout that RESULT_MODE asks for (gateware.register_table.ResultMode)."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal


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
        final = Signal()
        odd = Signal()
        taken = Signal()
        placed = Signal()
        last = Signal()
        word = Signal(32, reset_less=True)
        low, high = source.data[:32], source.data[32:]
        put_low = Signal()
        put_high = Signal()
        put_number = Signal()
        put_class = Signal(8)
        complete = Signal()
        # Taken in one clock, its place known in the next, put there in the third; another one only when no beat waits.
        # 39 clocks for an image with logits: only the row-parallel engine could go faster.
        self.comb += sink.ready.eq(~taken & ~placed & ~source.valid)
        self.sync += [
            taken.eq(sink.valid & sink.ready), placed.eq(taken),
            If(sink.valid & sink.ready, word.eq(sink.word), last.eq(sink.last)),
            final.eq(left == 1),
            put_low.eq(taken & self.logits_mode & ~odd), put_high.eq(taken & self.logits_mode & odd),
            put_number.eq(taken & self.logits_mode & last),
            *[put_class[i].eq(taken & ~self.logits_mode & last & (number[:3] == i)) for i in range(8)],
            complete.eq(taken & ((self.logits_mode & (odd | last)) | (~self.logits_mode & last & ((number[:3] == 7) | final)))),
            If(taken, odd.eq(~odd & ~last)),
            If(put_low, low.eq(word)),
            If(put_high, high.eq(word)),
            If(put_number, high.eq(number)),
            If(put_class[0], source.data.eq(0)),
            *[If(put_class[i], source.data[8 * i:8 * i + 8].eq(word[:8])) for i in range(8)],
            If(placed & last, number.eq(number + 1), left.eq(left - 1)),
            If(source.ready, source.valid.eq(0)),
            If(complete, source.valid.eq(1)),
            If(self.start, number.eq(0), left.eq(self.images), odd.eq(0)),
        ]
