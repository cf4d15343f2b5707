"""Lets an image in when it is there as a whole, the pipeline is free, and there is room for its results."""

from __future__ import annotations

from typing import List, Optional

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.image_buffer import ImageBuffer
from lst_overlay.memory.images import GROUP


class Admission(LiteXModule):
    """With two buffers, images lie in groups of eight in the first and in the second in turn, the first again after ``start``.

    interval: clocks from one image to the next, at least. phase: 0 .. interval - 1 in turn, for ever; images enter in phase 0 only.
    source:   data, all words of an image in consecutive clocks.
    returned: one clock, when the results of an image have left; ``credits`` images may be under way.
    starved:  an image could enter and there is none. blocked: none may enter for want of a credit. Both hold until the next could enter.
    """

    def __init__(
        self, buffers: List[ImageBuffer], credits: int, interval: int, phase: Optional[Signal] = None
    ):
        self.returned = Signal()
        self.start = Signal()  # one clock, while nothing is under way
        self.source = source = stream.Endpoint([("data", len(buffers[0].source.data))])
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        left = Signal(max=credits + 1, reset=credits)
        number = Signal(max=2 * GROUP)
        second = number[-1] if len(buffers) == 2 else 0
        has_image = Signal()
        has_credit = Signal()
        admit = Signal()
        free = Signal()  # an image that is admitted now finds the pipeline ready for it
        admitted = Signal()
        self.comb += admit.eq(free & has_image & has_credit)
        if phase is None:
            wait = Signal(max=interval)
            self.sync += [
                If(~free, wait.eq(wait - 1)),
                If(wait == 0, free.eq(1)),
                If(admit, wait.eq(interval - 2), free.eq(0)),
            ]
        else:
            self.sync += free.eq(
                phase == (-ImageBuffer.latency - 2) % interval
            )  # a register before it, and one on the way out
        self.sync += [
            has_image.eq(Mux(second, buffers[-1].has_image, buffers[0].has_image)),
            has_credit.eq(left != 0),
            If(free, self.starved.eq(has_credit & ~has_image), self.blocked.eq(~has_credit)),
            If(admit, number.eq(number + 1)),
            *[If(self.start, number.eq(0))] * (len(buffers) == 2),
            admitted.eq(admit),
            If(admitted & ~self.returned, left.eq(left - 1)),
            If(self.returned & ~admitted, left.eq(left + 1)),
        ]
        for place, buffer in enumerate(buffers):
            self.comb += buffer.admit.eq(admit & ((second == place) if len(buffers) == 2 else 1))
        first, last = buffers[0].source, buffers[-1].source
        self.sync += [
            source.valid.eq(first.valid | last.valid),
            source.data.eq(Mux(last.valid, last.data, first.data)),
        ]
