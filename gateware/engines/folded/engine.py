"""The folded engine: one LST-1 network as constants, rows and columns in turn on 28 multipliers."""

from __future__ import annotations

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.built_in import BuiltInEngine, Inside
from gateware.engines.folded.pipeline import Pipeline
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, parameter_image
from lst_overlay.network.lst.parameters import SIZE
from lst_overlay.registers import Engine

BUFFERED_PIXELS = 2048
# One image in the multipliers, one in the classifier; each leaves 11 words.
CREDITS = 2
RESULT_WORDS = 32


class FoldedEngine(BuiltInEngine):
    """Raises NetworkError if ``network`` is no LST-1 of 28 x 28."""

    def __init__(self, network: Network):
        parameter_image(network)
        pixels, buffer = (
            PixelWords(1, network.pixel_bits),
            ImageBuffer(network.pixel_bits, SIZE * SIZE, BUFFERED_PIXELS),
        )
        super().__init__(
            Engine.FOLDED,
            network,
            ImageLayout(),
            Inside([pixels], [buffer], Pipeline(network), CREDITS, RESULT_WORDS),
        )
