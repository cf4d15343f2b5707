"""Lets images into a pipeline: one that is there as a whole, or pixels as they come; never more than results have room for."""

from __future__ import annotations

from typing import List, Optional

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.image_buffer import ImageBuffer
from lst_overlay.memory.images import GROUP


class BufferedAdmission(LiteXModule):
    """For a pipeline that takes all words of an image in consecutive clocks: an image waits in a buffer until it is whole.

    words:    for each port a module that makes words out of beats: sinks (data), source (data), room.
    buffers:  one for each of them. With two, images lie in groups of eight in the first and in the second, alternately;
              the first again after ``start``.
    credits:  images that may be under way, results not yet taken included.
    interval: clocks from one image to the next, at least.
    phase:    counts 0 .. interval - 1 for ever; images enter in phase 0 only. None: at any time.

    source:   data, all words of an image in consecutive clocks.
    returned: one clock, when the results of an image have left.
    starved:  an image could enter and there is none. blocked: none may enter for want of a credit. Both hold until the
              next could enter.
    """

    def __init__(
        self,
        words: list,
        buffers: List[ImageBuffer],
        credits: int,
        interval: int,
        phase: Optional[Signal] = None,
    ):
        self.sinks = [sink for module in words for sink in module.sinks]
        self.returned = Signal()
        self.start = Signal()  # one clock, while nothing is under way
        self.source = source = stream.Endpoint([("data", len(buffers[0].source.data))])
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        for place, (module, buffer) in enumerate(zip(words, buffers)):
            setattr(self.submodules, f"words{place}", module)
            setattr(self.submodules, f"buffer{place}", buffer)
            self.comb += [module.room.eq(buffer.room), module.source.connect(buffer.sink)]

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
            # A register before it, and one on the way out.
            self.sync += free.eq(phase == (-ImageBuffer.latency - 2) % interval)
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


class DirectAdmission(LiteXModule):
    """For a pipeline that takes words at any time: they pass as they come, and wait only between images, for a credit.

    words:       makes words out of beats: sink (data), source (word).
    image_words: words of an image. credits: as of `BufferedAdmission`.

    source:   data, valid for one clock for each word; no back-pressure.
    returned: one clock, when the results of an image have left.
    starved:  a word could be taken and there is none. blocked: no word is taken for want of a credit.
    """

    def __init__(self, words, image_words: int, credits: int):
        self.words = words
        self.sinks = [words.sink]
        self.returned = Signal()
        self.start = Signal()
        self.source = source = stream.Endpoint([("data", len(words.source.word))])
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        sink = words.source
        left = Signal(max=credits + 1, reset=credits)
        number = Signal(max=image_words)
        is_last = Signal()
        open_ = Signal()
        has_credit = Signal()  # one clock late, which is early enough: images are image_words clocks apart
        ends = Signal()
        granted = Signal()
        self.comb += [
            sink.ready.eq(open_),
            source.valid.eq(sink.valid & open_),
            source.data.eq(sink.word),
            ends.eq(sink.valid & open_ & is_last),
            granted.eq((ends | ~open_) & has_credit),
            self.starved.eq(open_ & ~sink.valid),
            self.blocked.eq(~open_),
        ]
        self.sync += [
            If(
                sink.valid & open_,
                is_last.eq(number == image_words - 2),
                If(is_last, number.eq(0)).Else(number.eq(number + 1)),
            ),
            has_credit.eq(left != 0),
            open_.eq(granted | (open_ & ~ends)),
            If(granted & ~self.returned, left.eq(left - 1)),
            If(self.returned & ~granted, left.eq(left + 1)),
        ]
