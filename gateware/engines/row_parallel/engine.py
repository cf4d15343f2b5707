"""The row-parallel engine: a built-in LST network, one row of the image per clock."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.shared_image_buffer import SharedImageBuffer
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.row_parallel.limits import check, check_shape
from gateware.engines.row_parallel.pipeline import Pipeline
from gateware.engines.row_parallel.rows import ByteRows, PackedRows
from gateware.engines.row_parallel.shape import filled, rows_of
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import LSTNetwork, Network, NetworkError

BUFFERED_ROWS = 512  # A block RAM has this depth, which holds 18 images.
WAITING = 5  # images that leave the pipeline, or whose results wait


class RowParallelEngine(CoreEngine):
    """A built-in network of one or more pairs of layers, small enough for the FPGA (limits.py)."""

    fifo_beats = 256  # Covers the latency of memory at one beat per clock.

    def __init__(self, network: LSTNetwork, capabilities: Capabilities):
        bits, layout, size = network.pixel_bits, capabilities.layout, rows_of(network)
        rows, columns = network.input_shape
        pipeline = Pipeline(filled(network))
        if layout.packed_bits:
            words = [PackedRows(bits, columns, layout.buffers)]
        else:
            words = [ByteRows(bits, columns) for _ in range(layout.ports)]
        filling = size - rows
        if len(words) == 1:
            buffers = [ImageBuffer(columns * bits, rows, BUFFERED_ROWS, filling)]
        else:
            buffers = [SharedImageBuffer(columns * bits, rows, filling) for _ in range(len(words) // 2)]
        credits = WAITING + -(-pipeline.latency // pipeline.interval)
        admission = BufferedAdmission(words, buffers, credits, pipeline.interval, pipeline.phase)
        result_words = 1 << (credits * (network.classes + 1)).bit_length()
        super().__init__(
            capabilities, EngineCore(admission, pipeline, result_words), FixedParameters(network)
        )


def packed_layout(network: Network) -> ImageLayout:
    """Return the layout of packed pixels for a network. NetworkError if its pixels have not 2 or 4 bits."""
    ports = {(2, 1): 2, (2, 2): 4, (4, 1): 4}.get((network.pixel_bits, network.rows_per_vector))
    if ports is None:
        raise NetworkError(
            f"network {network.name!r} has pixels of {network.pixel_bits} bits and {network.rows_per_vector} "
            "rows per vector; packed ones have 2 bits and 1 or 2 rows, or 4 bits and 1: row_parallel_uint8 "
            "takes it unpacked"
        )
    return ImageLayout(tuple(network.image_shape), ports, network.pixel_bits)


def _spec(layout, **declaration) -> EngineSpec:
    """The declaration of the engine with images in ``layout``."""

    def accepts(network: Network) -> None:
        check_shape(network)
        try:
            found = layout(network)
        except NetworkError:
            raise
        except ValueError as error:  # images of this shape
            raise NetworkError(f"network {network.name!r}: {error}") from None
        check(network, found)

    def cycles(network: Network) -> int:
        found = layout(network)
        return max(rows_of(network), -(-found.beats_per_image // found.ports_per_buffer))

    return EngineSpec(
        number=1,
        build=RowParallelEngine,
        accepts=accepts,
        layout=layout,
        cycles=cycles,
        **declaration,
    )


# One engine with three layouts of images.
SPECS = (
    _spec(
        uint8_layout(),
        name="row_parallel_uint8",
        divisors=(6, 1),
        idea="one row per clock, uint8 over HP0",
        chosen_for="the most images/s from uint8 arrays over one port",
        cycles_per_image=98,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    ),
    _spec(
        uint8_layout(ports=2),
        name="row_parallel_uint8x2",
        divisors=(6, 1),
        idea="one row per clock, uint8 over HP0 and HP2",
        chosen_for="the most images/s from uint8 arrays over two ports",
        cycles_per_image=49,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    ),
    _spec(
        uint8_layout(ports=4),
        name="row_parallel_uint8x4",
        divisors=(6, 1),
        idea="one row per clock, uint8 over four HP ports",
        chosen_for="the most images/s from uint8 arrays",
        cycles_per_image=28,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    ),
    _spec(
        packed_layout,
        name="row_parallel",
        divisors=(5, 1),
        idea="one row per clock, packed pixels (2 bits: HP0 and HP2, 4 bits: four HP ports)",
        chosen_for="the most images/s, from packed pixels",
        cycles_per_image=28,
        network="lst1_w4a4p2",
        measured_with=("lst1_w6a4p4", "lst1_w5c4a4p4", "lst1_w4a4p2", "lst1_row_pairs_w4a4p2"),
    ),
)
