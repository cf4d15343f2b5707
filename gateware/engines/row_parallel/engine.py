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
    """Return the layout of packed pixels for a network. NetworkError if its pixels have none."""
    bits, rows = network.pixel_bits, network.rows_per_vector
    ports = {(2, 1): 2, (2, 2): 4, (4, 1): 4}.get((bits, rows))
    if ports is None:
        raise NetworkError(
            f"network {network.name!r}: packed pixels have 2 bits, or 4 bits with one row per vector, not "
            f"{bits} bits with rows_per_vector = {rows}: row_parallel_uint8 takes it unpacked"
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


def _uint8_spec(ports: int, name: str, over: str, chosen_for: str, cycles_per_image: int) -> EngineSpec:
    return _spec(
        uint8_layout(ports),
        name=name,
        divisors=(6, 1),
        idea=f"one row per clock, uint8 over {over}",
        chosen_for=f"the most images/s from uint8 arrays{chosen_for}",
        cycles_per_image=cycles_per_image,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    )


# One engine with several layouts of images.
SPECS = (
    _uint8_spec(1, "row_parallel_uint8", "HP0", " over one port", 98),
    _uint8_spec(2, "row_parallel_uint8x2", "HP0 and HP2", " over two ports", 49),
    _uint8_spec(4, "row_parallel_uint8x4", "four HP ports", "", 28),
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
