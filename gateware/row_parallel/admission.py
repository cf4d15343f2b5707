"""Lets an image in at phase 0, when it is there as a whole and there is room for its results."""
from __future__ import annotations

from typing import List

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.row_parallel.row_buffer import RowBuffer
from lst_overlay.image_layout import GROUP


class Admission(LiteXModule):
    """With two buffers, images lie in groups of eight in the first and in the second in turn, the first again after ``start``.

    phase:    0 .. rows - 1 in turn, for ever. source: row r of the admitted image in phase r, valid for all of them.
    returned: one clock, when the results of an image have left; ``credits`` images may be under way.
    starved:  an image could enter and there is none. blocked: none may enter for want of a credit.
    """

    def __init__(self, buffers: List[RowBuffer], phase: Signal, rows: int, credits: int):
        self.returned = Signal()
        self.start = Signal()  # one clock, while nothing is under way
        self.source = source = stream.Endpoint([("row", len(buffers[0].source.row))])
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        left = Signal(max=credits + 1, reset=credits)
        number = Signal(max=2 * GROUP)
        second = number[-1] if len(buffers) == 2 else 0
        has_image = Signal()
        has_credit = Signal()
        decides = Signal()
        admit = Signal()
        entered = Signal()  # an image is entering
        self.comb += admit.eq(decides & has_image & has_credit)
        self.sync += [
            decides.eq(phase == (-RowBuffer.latency - 2) % rows),  # a register before it, and one on the way out
            has_image.eq(Mux(second, buffers[-1].has_image, buffers[0].has_image)),
            has_credit.eq(left != 0),
            If(decides, entered.eq(admit)),
            self.starved.eq(~entered & has_credit), self.blocked.eq(~entered & ~has_credit),
            If(admit, number.eq(number + 1)),
            *[If(self.start, number.eq(0))] * (len(buffers) == 2),
            If(admit & ~self.returned, left.eq(left - 1)),
            If(self.returned & ~admit, left.eq(left + 1)),
        ]
        for place, buffer in enumerate(buffers):
            self.comb += buffer.admit.eq(admit & ((second == place) if len(buffers) == 2 else 1))
        first, last = buffers[0].source, buffers[-1].source
        self.sync += [source.valid.eq(first.valid | last.valid), source.row.eq(Mux(last.valid, last.row, first.row))]
