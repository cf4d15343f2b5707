"""The row-parallel engine: a built-in LST-1 network, one row of the image per clock."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.row_parallel.limits import check
from gateware.engines.row_parallel.pipeline import Pipeline
from gateware.engines.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, NetworkError
from lst_overlay.network.lst.parameters import SIZE, lst1_layers

BUFFERED_ROWS = 512  # A block RAM has this depth, which holds 18 images.
# The pipeline holds three images; each has 11 result words.
CREDITS = 8
RESULT_WORDS = 128


class RowParallelEngine(CoreEngine):
    """A built-in LST-1 network of 28 x 28 pixels and ten classes, small enough for the FPGA (limits.py)."""

    fifo_beats = 256  # Covers the latency of memory at one beat per clock.

    def __init__(self, network: Network, capabilities: Capabilities):
        bits, layout = network.pixel_bits, capabilities.layout
        pipeline = Pipeline(network)
        words = [PackedRows(bits)] if layout.packed_bits else [ByteRows(bits) for _ in range(layout.ports)]
        buffers = [ImageBuffer(SIZE * bits, SIZE, BUFFERED_ROWS) for _ in words]
        admission = BufferedAdmission(words, buffers, CREDITS, pipeline.interval, pipeline.phase)
        super().__init__(
            capabilities, EngineCore(admission, pipeline, RESULT_WORDS), FixedParameters(network)
        )


def packed_layout(network: Network) -> ImageLayout:
    """Return the layout of packed pixels for a network. NetworkError if its pixels have not 2 or 4 bits."""
    ports = {2: 1, 4: 2}.get(network.pixel_bits)
    if ports is None:
        raise NetworkError(
            f"network {network.name!r} has pixels of {network.pixel_bits} bits, packed ones have 2 or 4: "
            "row_parallel_uint8 takes it unpacked"
        )
    return ImageLayout(tuple(network.image_shape), ports, network.pixel_bits)


def _spec(layout, **declaration) -> EngineSpec:
    """The declaration of the engine with images in ``layout``."""

    def accepts(network: Network) -> None:
        lst1_layers(network)  # images of other sizes have no such layout
        check(network, layout(network))

    return EngineSpec(
        number=1,
        divisors=(7, 1),
        build=RowParallelEngine,
        accepts=accepts,
        layout=layout,
        **declaration,
    )


# One engine with three layouts of images.
SPECS = (
    _spec(
        packed_layout,
        name="row_parallel",
        idea="one row per clock, packed pixels (2 bits: HP0, 4 bits: HP0 and HP2)",
        chosen_for="the most images/s, from packed pixels",
        cycles_per_image=28,
        network="lst1_w4a4p2",
        measured_with=("lst1_w6a4p4", "lst1_w5c4a4p4", "lst1_w4a4p2"),
    ),
    _spec(
        uint8_layout(),
        name="row_parallel_uint8",
        idea="one row per clock, uint8 over HP0",
        chosen_for="the most images/s from uint8 arrays over one port",
        cycles_per_image=98,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    ),
    _spec(
        uint8_layout(ports=2),
        name="row_parallel_uint8x2",
        idea="one row per clock, uint8 over HP0 and HP2",
        chosen_for="the most images/s from uint8 arrays",
        cycles_per_image=49,
        network="lst1_w5c4a4p4",
        measured_with=("lst1_w5c4a4p4",),
    ),
)
