"""An engine for tests: a built-in dense layer, for images of any shape and any number of classes."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.dense_serial.pipeline import Pipeline
from gateware.engines.engine import EngineSpec, uint8_layout
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Network, NetworkError


class DenseSerialEngine(CoreEngine):
    """The engine of a network that is one dense layer."""

    def __init__(self, network: Network, capabilities: Capabilities):
        pixels = capabilities.layout.image_bytes
        pipeline = Pipeline(network)
        words, buffer = PixelWords(1, network.pixel_bits), ImageBuffer(network.pixel_bits, pixels, 512)
        admission = BufferedAdmission([words], [buffer], 2, pipeline.interval)
        super().__init__(capabilities, EngineCore(admission, pipeline, 32), FixedParameters(network))


def check(network: Network) -> None:
    if len(network.layers) != 1:
        raise NetworkError(f"network {network.name!r} must have one layer, not {len(network.layers)}")


SPECS = (
    EngineSpec(
        number=9,
        name="dense_serial",
        idea="one dense layer, a pixel per clock",
        chosen_for="a test",
        divisors=(6, 1),
        cycles_per_image=144,
        network="dense",
        measured_with=("dense",),
        build=DenseSerialEngine,
        accepts=check,
        layout=uint8_layout(),
    ),
)
