"""The folded engine: one LST-1 network as constants, rows and columns in turn on 28 multipliers."""
from __future__ import annotations

from gateware.built_in_engine import BuiltInEngine, Inside
from gateware.folded.pipeline import Pipeline
from gateware.image_buffer import ImageBuffer
from gateware.pixel_words import PixelWords
from gateware.register_table import Engine
from lst_overlay.image_layout import ImageLayout
from lst_overlay.network import Network, parameter_image
from lst_overlay.network.parameter_image import SIZE

BUFFERED_PIXELS = 2048
# One image in the multipliers, one in the classifier; each leaves 11 words.
CREDITS = 2
RESULT_WORDS = 32


class FoldedEngine(BuiltInEngine):
    """Raises NetworkError if ``network`` is no LST-1 of 28 x 28."""

    def __init__(self, network: Network):
        parameter_image(network)
        pixels, buffer = PixelWords(1, network.pixel_bits), ImageBuffer(network.pixel_bits, SIZE * SIZE, BUFFERED_PIXELS)
        super().__init__(Engine.FOLDED, network, ImageLayout(), Inside([pixels], [buffer], Pipeline(network), CREDITS, RESULT_WORDS))
