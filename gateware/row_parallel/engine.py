"""The row-parallel engine: one LST-1 network as constants, one row per clock."""
from __future__ import annotations

from gateware.built_in_engine import BuiltInEngine, Inside
from gateware.image_buffer import ImageBuffer
from gateware.register_table import Engine
from gateware.row_parallel.limits import check
from gateware.row_parallel.pipeline import Pipeline
from gateware.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.image_layout import ImageLayout
from lst_overlay.network import Network
from lst_overlay.network.parameter_image import SIZE

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
        super().__init__(Engine.ROW_PARALLEL, network, layout, Inside(rows, buffers, Pipeline(network), CREDITS, RESULT_WORDS))
