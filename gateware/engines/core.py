"""What stands around every engine's pipeline: admission in front of it, credits and a result FIFO behind it."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Constant, ResetInserter, Signal

from gateware.cores.argmax import LOGIT_WIDTH
from gateware.cores.fifo import Fifo
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.hardware.prepared_network import built_in_hash
from lst_overlay.network import Network


class EngineCore(LiteXModule):
    """Beats of images in, words of results out.

        sinks --64--> admission --word--> pipeline --32--> results (FIFO) --32--> source
                          ^                                                        |
                          +------------------------ returned <---------------------+

    admission: sinks; source (data); start, starved, blocked; ``returned`` gives a credit back.
    pipeline:  sink (data) takes what is admitted; source (word, last) gives an image's values and class, and knows no
               back-pressure: the FIFO has room for the ``result_words`` of every image that holds a credit.
    """

    def __init__(self, admission, pipeline, result_words: int):
        self.pipeline = pipeline
        self.admission = admission
        self.results = results = Fifo(LOGIT_WIDTH, result_words)
        self.sinks = admission.sinks
        self.source = source = stream.Endpoint([("word", LOGIT_WIDTH)])
        self.with_logits = Signal()

        # # #

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


class CoreEngine(LiteXModule):
    """An engine made of a core and its parameters: the interface that `gateware.engines.engine.Engine` describes."""

    fifo_beats = 64
    parameter_bytes = 0

    def __init__(self, capabilities: Capabilities, core: EngineCore, parameters):
        self.capabilities = capabilities
        self.parameters = parameters
        self.core = core = ResetInserter()(core)
        self.flush = Signal()
        self.sinks, self.source, self.with_logits = core.sinks, core.source, core.with_logits
        self.start = core.admission.start
        self.starved, self.blocked = core.admission.starved, core.admission.blocked

        # # #

        self.comb += core.reset.eq(self.flush)


class FixedParameters:
    """A network that is part of the design. ``crc``: the first 32 bits of its content hash."""

    def __init__(self, network: Network):
        self.loaded, self.bad = Constant(1), Constant(0)
        self.crc = Constant(built_in_hash(network), 32)
