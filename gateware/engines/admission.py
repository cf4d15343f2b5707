"""Admission: let images into a pipeline, but never more than the result FIFO has room for.

`BufferedAdmission` admits complete images, `CreditAdmission` leaves it to the pipeline to admit them.
"""

from __future__ import annotations

from typing import List, Optional

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.unpacker import Unpacker
from lst_overlay.memory.images import GROUP


class BufferedAdmission(LiteXModule):
    """Admit images to a pipeline that takes all words of an image in consecutive clocks.

    Each image is collected in an image buffer until it is complete.

    words:    modules that convert beats to words: sinks (data), source (data), room.
    buffers:  one or two image buffers. Of two, groups of eight images are read alternately, beginning with
              the first buffer after ``start``. Each module of ``words`` fills an inlet, the first inlets of
              the buffers before the second ones.
    credits:  the largest number of images that are in the pipeline or have results in the FIFO.
    interval: the smallest number of clocks from one image to the next.
    phase:    a counter that repeats 0 .. interval - 1; images enter in phase 0. None: images enter at any
              time.
    open_:    with a phase: low from ENTRY clocks before phase 0 until then if no image may enter.

    source:   data, all words of an image in consecutive clocks; no back-pressure.
    returned: input, high for one clock when the results of an image have left.
    start:    input, high for one clock while no image is in the pipeline.
    starved:  an image could be admitted, but none is complete.
    blocked:  no image can be admitted for want of a credit. Both are updated when the pipeline is free.
    """

    ENTRY = ImageBuffer.latency + 2  # An image spends two clocks in registers: ``free`` and ``source``.

    def __init__(
        self,
        words: list,
        buffers: List[ImageBuffer],
        credits: int,
        interval: int,
        phase: Optional[Signal] = None,
        open_: Optional[Signal] = None,
    ):
        self.sinks = [sink for module in words for sink in module.sinks]
        self.returned = Signal()
        self.start = Signal()
        self.source = source = stream.Endpoint([("data", len(buffers[0].source.data))])
        stream.set_reset_less(source.payload)
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        inlets = [inlet for places in zip(*[buffer.inlets for buffer in buffers]) for inlet in places]
        for place, (module, inlet) in enumerate(zip(words, inlets)):
            setattr(self.submodules, f"words{place}", module)
            self.comb += [module.room.eq(inlet.room), module.source.connect(inlet.sink)]
        for place, buffer in enumerate(buffers):
            setattr(self.submodules, f"buffer{place}", buffer)
        for part in (*words, *buffers):
            if hasattr(part, "start"):
                self.comb += part.start.eq(self.start)

        left = Signal(max=credits + 1, reset=credits)
        number = Signal(max=2 * GROUP)
        second = number[-1] if len(buffers) == 2 else 0
        has_image = Signal()
        has_credit = Signal()
        admit = Signal()
        free = Signal()  # The pipeline will be free for an image that is admitted now.
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
            enters = phase == -self.ENTRY % interval
            self.sync += free.eq(enters if open_ is None else enters & open_)
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


class CreditAdmission(LiteXModule):
    """Pass bytes on to a pipeline that counts its images itself, and lend it credits.

    source:   word (8 bits).
    started:  the pipeline begins an image, and takes a credit.
    returned: the results of an image have left.
    has_credit: at least one is left.
    """

    def __init__(self, credits: int):
        self.words = words = Unpacker(64, 8)
        self.sinks = [words.sink]
        self.source = words.source
        self.start = Signal()
        self.started = Signal()
        self.returned = Signal()
        self.has_credit = Signal()
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        left = Signal(max=credits + 1, reset=credits)
        self.sync += [
            If(self.started & ~self.returned, left.eq(left - 1)),
            If(self.returned & ~self.started, left.eq(left + 1)),
            self.has_credit.eq(left != 0),
        ]
