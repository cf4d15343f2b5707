"""The parts around the pipeline of every engine: admission before it, credits and a result FIFO behind it."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Constant, ResetInserter, Signal

from gateware.cores.argmax import LOGIT_WIDTH
from gateware.cores.delay import delayed
from gateware.cores.fifo import Fifo
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.hardware.prepared_network import built_in_hash
from lst_overlay.network import Network


class EngineCore(LiteXModule):
    """Turn beats of images into words of results.

        sinks --64--> admission --data--> pipeline --32--> select --32--> results --32--+--> source
                          ^                              (values only     (FIFO)        |
                          |                               if with_logits)               |
                          +------ returned: the last word of an image has left ---------+

    admission: has sinks, source (data), start, starved and blocked. A clock of ``returned`` returns a credit.
    pipeline:  has sink (data) and source (word, last), neither with back-pressure. The words of an image are
               its values, then its class with ``last``. It may have a reset of its own.

    The FIFO holds ``result_words`` words, enough for the results of every image that has a credit, in block
    RAM or LUT RAM.

    reset: held as `Engine` says of ``flush``: every image is dropped. It passes from part to part as data do,
           a clock each, so that none of its registers has many loads.
    """

    def __init__(self, admission, pipeline, result_words: int, block_ram: bool = False):
        self.pipeline = pipeline = pipeline if hasattr(pipeline, "reset") else ResetInserter()(pipeline)
        self.admission = admission = ResetInserter()(admission)
        self.results = results = ResetInserter()(Fifo(LOGIT_WIDTH, result_words, block_ram))
        self.sinks = admission.sinks
        self.source = source = stream.Endpoint([("word", LOGIT_WIDTH)])
        self.with_logits = Signal()
        self.reset = reset = Signal()

        # # #

        for part in (admission, pipeline, results):
            reset = delayed(self, reset, 1, "part_reset")
            self.comb += part.reset.eq(reset)
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
    """An `Engine` made of a core and its parameters."""

    fifo_beats = 64
    parameter_bytes = 0

    def __init__(self, capabilities: Capabilities, core: EngineCore, parameters):
        self.capabilities = capabilities
        self.image_beats, self.values = capabilities.layout.beats_per_image, capabilities.record.values
        self.core = core
        self.reset = Signal()
        self.flush = Signal()
        self.sinks, self.source, self.with_logits = core.sinks, core.source, core.with_logits
        self.start = core.admission.start
        self.starved, self.blocked = core.admission.starved, core.admission.blocked

        # # #

        self.comb += core.reset.eq(self.reset | self.flush)
        if self.parameter_bytes:
            parameters = ResetInserter()(parameters)
            self.comb += parameters.reset.eq(self.reset)
        self.parameters = parameters


class FixedParameters:
    """The `Parameters` of a built-in network; ``crc`` is the first 32 bits of its content hash."""

    def __init__(self, network: Network):
        self.loaded, self.bad = Constant(1), Constant(0)
        self.crc = Constant(built_in_hash(network), 32)
