"""The folded engine: a built-in LST-1 network, rows and columns one after another on 28 multipliers."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.folded.pipeline import Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Network
from lst_overlay.network.lst.parameters import lst1_layers

BUFFERED_PIXELS = 2048
# One image is in the multipliers and one in the classifier; each has 11 result words.
CREDITS = 2
RESULT_WORDS = 32


class FoldedEngine(CoreEngine):
    """An LST-1 network of 28 x 28 pixels and ten classes, built in."""

    def __init__(self, network: Network, capabilities: Capabilities):
        bits, pixels = network.pixel_bits, capabilities.layout.image_bytes
        pipeline = Pipeline(network)
        words, buffer = PixelWords(1, bits), ImageBuffer(bits, pixels, BUFFERED_PIXELS)
        admission = BufferedAdmission([words], [buffer], CREDITS, pipeline.interval)
        super().__init__(
            capabilities, EngineCore(admission, pipeline, RESULT_WORDS), FixedParameters(network)
        )


SPECS = (
    EngineSpec(
        number=2,
        name="folded",
        idea="rows and columns one after the other on 28 multipliers",
        chosen_for="the smallest area",
        divisors=(5, 1),
        cycles_per_image=1607,
        network="lst1_w6a4p4",
        measured_with=("lst1_q6.7",),
        build=FoldedEngine,
        accepts=lst1_layers,
        layout=uint8_layout(),
    ),
)
