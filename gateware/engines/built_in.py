"""What every engine with its network built in has around its pipeline: words out of beats, buffers, admission, results."""

from __future__ import annotations

from typing import List

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Constant, ResetInserter, Signal

from gateware.cores.argmax import LOGIT_WIDTH
from gateware.cores.fifo import Fifo
from gateware.cores.image_buffer import ImageBuffer
from gateware.engines.admission import Admission
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, image_crc, parameter_image
from lst_overlay.registers import Engine


class BuiltInEngine(LiteXModule):
    """Streams in, stream out; knows no bus.

    sinks:  data (64 bits), beats of images, for each port of ``layout``.
    source: word (32 bits): ten logits if ``with_logits``, then the class with last. with_logits: constant while images are under way.
    start:  one clock, before the first beat of a batch. flush: forgets every image under way.

    inside: what ``flush`` resets.
    """

    fifo_beats = 64
    parameter_bytes = 0

    def __init__(self, number: Engine, network: Network, layout: ImageLayout, inside: Inside):
        self.number, self.layout = number, layout
        self.loader = BuiltIn(network)
        self.flush = Signal()
        self.inside = inside = ResetInserter()(inside)
        self.sinks, self.source, self.with_logits = inside.sinks, inside.source, inside.with_logits
        self.start = inside.admission.start
        self.starved, self.blocked = inside.admission.starved, inside.admission.blocked

        # # #

        self.comb += inside.reset.eq(self.flush)


class BuiltIn:
    """In the place of a ParameterLoader: the network is there from the beginning. ``crc``: of its parameter image."""

    def __init__(self, network: Network):
        self.loaded, self.bad = Constant(1), Constant(0)
        self.crc = Constant(image_crc(parameter_image(network)), 32)


class Inside(LiteXModule):
    """From beats to results.

    words:    modules that make words out of beats, each with a buffer of its own: sinks; source (data), room.
    buffers:  one for each of them.
    pipeline: sink (data) takes the words of an image in consecutive clocks; interval, phase: see Admission. source (word, last) gives
              logits and class of each image, and cannot be held.
    credits:  images that may be under way, results not yet taken included.
    """

    def __init__(self, words: list, buffers: List[ImageBuffer], pipeline, credits: int, result_words: int):
        self.pipeline = pipeline
        self.admission = admission = Admission(buffers, credits, pipeline.interval, pipeline.phase)
        self.results = results = Fifo(LOGIT_WIDTH, result_words)
        self.sinks = [sink for source in words for sink in source.sinks]
        self.source = source = stream.Endpoint([("word", LOGIT_WIDTH)])
        self.with_logits = Signal()

        # # #

        for number, (from_, buffer) in enumerate(zip(words, buffers)):
            setattr(self.submodules, f"words{number}", from_)
            setattr(self.submodules, f"buffer{number}", buffer)
            self.comb += [from_.room.eq(buffer.room), from_.source.connect(buffer.sink)]
        self.comb += [
            admission.source.connect(pipeline.sink),
            results.sink.valid.eq(pipeline.source.valid & (self.with_logits | pipeline.source.last)),
            results.sink.last.eq(pipeline.source.last),
            results.sink.data.eq(pipeline.source.word),
            source.valid.eq(results.source.valid),
            source.last.eq(results.source.last),
            source.word.eq(results.source.data),
            results.source.ready.eq(source.ready),
        ]
        self.sync += admission.returned.eq(source.valid & source.ready & source.last)
