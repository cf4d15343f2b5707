"""The row-parallel engine: one LST-1 network as constants, one row per clock."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.engines.built_in import BuiltInEngine, Inside
from gateware.engines.row_parallel.limits import check
from gateware.engines.row_parallel.pipeline import Pipeline
from gateware.engines.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network
from lst_overlay.network.lst.parameters import SIZE
from lst_overlay.registers import Engine

BUFFERED_ROWS = 512  # block RAM comes in this depth; 18 images
# The pipeline holds three images, and each leaves 11 words.
CREDITS = 8
RESULT_WORDS = 128


class RowParallelEngine(BuiltInEngine):
    """Raises NetworkError if the engine cannot hold ``network``, or not take its pixels as ``layout`` has them."""

    fifo_beats = 256  # covers the latency of memory at a beat per clock

    def __init__(self, network: Network, layout: ImageLayout):
        check(network, layout)
        bits = network.pixel_bits
        rows = [PackedRows(bits)] if layout.packed_bits else [ByteRows(bits) for _ in range(layout.ports)]
        buffers = [ImageBuffer(SIZE * bits, SIZE, BUFFERED_ROWS) for _ in rows]
        super().__init__(
            Engine.ROW_PARALLEL,
            network,
            layout,
            Inside(rows, buffers, Pipeline(network), CREDITS, RESULT_WORDS),
        )
