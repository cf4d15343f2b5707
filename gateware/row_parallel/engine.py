"""The row-parallel engine: one LST-1 network as constants, one row per clock."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Constant, ResetInserter, Signal

from gateware.fifo import Fifo
from gateware.register_table import Engine
from gateware.row_parallel.admission import Admission
from gateware.row_parallel.limits import check
from gateware.row_parallel.pipeline import LOGIT_WIDTH, Pipeline
from gateware.row_parallel.row_buffer import RowBuffer
from gateware.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.image_layout import ImageLayout
from lst_overlay.network import Network, image_crc, parameter_image
from lst_overlay.network.parameter_image import SIZE

BUFFERED_ROWS = 512  # block RAM comes in this depth; 18 images
# Images that may be under way, results not yet taken included: the pipeline holds three, and each leaves 11 words.
CREDITS = 8
RESULT_WORDS = 128


class RowParallelEngine(LiteXModule):
    """Streams in, stream out; knows no bus.

    sinks:  data (64 bits), beats of images, for each port of ``layout``.
    source: word (32 bits): ten logits if ``with_logits``, then the class with last. with_logits: constant while images are under way.
    start:  one clock, before the first beat of a batch. flush: forgets every image under way.
    """

    number = Engine.ROW_PARALLEL
    fifo_beats = 256  # covers the latency of memory at a beat per clock
    parameter_bytes = 0

    def __init__(self, network: Network, layout: ImageLayout):
        check(network, layout)
        self.layout = layout
        self.loader = BuiltIn(network)
        self.flush = Signal()
        self.inside = inside = ResetInserter()(_Inside(network, layout))
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


class _Inside(LiteXModule):

    def __init__(self, network: Network, layout: ImageLayout):
        bits = network.pixel_bits
        rows = [PackedRows(bits)] if layout.packed_bits else [ByteRows(bits) for _ in range(layout.ports)]
        buffers = [RowBuffer(SIZE * bits, SIZE, BUFFERED_ROWS) for _ in rows]
        self.pipeline = pipeline = Pipeline(network)
        self.admission = admission = Admission(buffers, pipeline.phase, SIZE, CREDITS)
        self.results = results = Fifo(LOGIT_WIDTH, RESULT_WORDS)
        self.sinks = [sink for source in rows for sink in source.sinks]
        self.source = source = stream.Endpoint([("word", LOGIT_WIDTH)])
        self.with_logits = Signal()

        # # #

        for number, (from_, buffer) in enumerate(zip(rows, buffers)):
            setattr(self.submodules, f"rows{number}", from_)
            setattr(self.submodules, f"buffer{number}", buffer)
            self.comb += [from_.room.eq(buffer.room), from_.source.connect(buffer.sink)]
        self.comb += [
            admission.source.connect(pipeline.sink),
            results.sink.valid.eq(pipeline.source.valid & (self.with_logits | pipeline.source.last)),
            results.sink.last.eq(pipeline.source.last),
            results.sink.data.eq(pipeline.source.word),
            source.valid.eq(results.source.valid), source.last.eq(results.source.last), source.word.eq(results.source.data),
            results.source.ready.eq(source.ready),
        ]
        self.sync += admission.returned.eq(source.valid & source.ready & source.last)
