"""The pixel-pairs engine: a built-in LST-1 network, two pixels per clock, two weights per multiplier."""

from __future__ import annotations

from gateware.cores.cascade import MAX_WEIGHT_WIDTH, sum_width
from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.pixel_pairs.pipeline import LANES, Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Network, NetworkError
from lst_overlay.network.lst.parameters import lst1_layers

BUFFERED_PAIRS = 1024
# Two images are in the stages, the logits of a third leave them; one more may enter, and the results of one
# may wait. Each has 11 result words.
CREDITS = 5
RESULT_WORDS = 64


class PixelPairsEngine(CoreEngine):
    """A built-in LST-1 network of 28 x 28 pixels and ten classes, with two weights per multiplier."""

    def __init__(self, network: Network, capabilities: Capabilities):
        bits, pairs = LANES * network.pixel_bits, capabilities.layout.image_bytes // LANES
        pipeline = Pipeline(network)
        words, buffer = PixelWords(LANES, network.pixel_bits), ImageBuffer(bits, pairs, BUFFERED_PAIRS)
        admission = BufferedAdmission([words], [buffer], CREDITS, pipeline.interval)
        super().__init__(
            capabilities, EngineCore(admission, pipeline, RESULT_WORDS), FixedParameters(network)
        )


def check(network: Network) -> None:
    """Raise NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    lst1_layers(network)
    for name, layer, codes in zip(("rows", "columns"), network.layers, network.input_ranges):
        sums = sum_width(layer, codes)
        if sums + layer.weights_width > MAX_WEIGHT_WIDTH:
            raise NetworkError(
                f"network {network.name!r}: a sum of the {name} stage ({sums} bits) and a weight "
                f"({layer.weights_width} bits) must fit the {MAX_WEIGHT_WIDTH} bits of a multiplier: "
                "fewer bits of pixels, activations or weights, or the engine pixel_serial"
            )


SPECS = (
    EngineSpec(
        number=3,
        name="pixel_pairs",
        idea="two pixels per clock, two weights in a multiplier",
        chosen_for="more images/s in little area",
        divisors=(5, 1),
        cycles_per_image=392,
        network="lst1_w6a4p4",
        measured_with=("lst1_w6a4p4",),
        build=PixelPairsEngine,
        accepts=check,
        layout=uint8_layout(),
    ),
)
