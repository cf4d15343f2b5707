"""The pixel-pairs engine: one LST-1 network as constants, two pixels per clock on multipliers that work on two weights each."""

from __future__ import annotations

from gateware.cores.cascade import MAX_WEIGHT_WIDTH, sum_width
from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.built_in import BuiltInEngine, Inside
from gateware.engines.pixel_pairs.pipeline import LANES, Pipeline
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, NetworkError, parameter_image
from lst_overlay.network.lst.parameters import SIZE
from lst_overlay.registers import Engine

BUFFERED_PAIRS = 1024
# Three fill the stages, one enters, one is handed over.
CREDITS = 5
RESULT_WORDS = 64


class PixelPairsEngine(BuiltInEngine):
    """Raises NetworkError if ``network`` is no LST-1 of 28 x 28, or too wide for two weights in a multiplier."""

    def __init__(self, network: Network):
        check(network)
        bits = LANES * network.pixel_bits
        pixels, buffer = (
            PixelWords(LANES, network.pixel_bits),
            ImageBuffer(bits, SIZE * SIZE // LANES, BUFFERED_PAIRS),
        )
        super().__init__(
            Engine.PIXEL_PAIRS,
            network,
            ImageLayout(),
            Inside([pixels], [buffer], Pipeline(network), CREDITS, RESULT_WORDS),
        )


def check(network: Network) -> None:
    """NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    parameter_image(network)
    for name, layer, codes in zip(("rows", "columns"), network.layers, network.input_ranges):
        sums = sum_width(layer, codes)
        if sums + layer.weights_width > MAX_WEIGHT_WIDTH:
            raise NetworkError(
                f"network {network.name!r}: a sum of the {name} stage ({sums} bits) and a weight ({layer.weights_width} "
                f"bits) must fit the {MAX_WEIGHT_WIDTH} bits of a multiplier: fewer bits of pixels, activations or "
                "weights, or the engine pixel_serial"
            )
