"""Convert bus beats of uint8 pixels to words of one or two pixel codes."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, Signal

from gateware.cores.unpacker import Unpacker
from lst_overlay.registers import BEAT_BYTES


class PixelWords(LiteXModule):
    """Split beats into words of ``pixels`` pixel codes. A code is the highest ``pixel_bits`` bits of a pixel.

    sinks:  a list of one endpoint, data (64 bits).
    source: data, the codes of ``pixels`` pixels, the leftmost in the lowest bits; no back-pressure.
    room:   words may leave. A word still leaves in the clock after room has fallen.
    """

    def __init__(self, pixels: int, pixel_bits: int):
        self.unpacker = unpacker = Unpacker(8 * BEAT_BYTES, 8 * pixels)
        self.sinks = [unpacker.sink]
        self.source = source = stream.Endpoint([("data", pixels * pixel_bits)])
        self.room = Signal()
        stream.set_reset_less(source.payload)

        # # #

        word = unpacker.source.word
        self.comb += unpacker.source.ready.eq(self.room)
        self.sync += [
            source.valid.eq(unpacker.source.valid & self.room),
            source.data.eq(
                Cat(*[word[8 * (pixel + 1) - pixel_bits : 8 * (pixel + 1)] for pixel in range(pixels)])
            ),
        ]
