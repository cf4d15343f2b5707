"""Convert bus beats of uint8 pixels to words of one or two pixel codes."""

from __future__ import annotations

from typing import Optional, Tuple

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from gateware.cores.unpacker import Unpacker
from lst_overlay.registers import BEAT_BYTES


class PixelWords(LiteXModule):
    """Split beats into words of ``pixels`` pixel codes. A code is the highest ``pixel_bits`` bits of a pixel.

    padding: images of (rows, columns) pixels are filled up to (size, size), a row at its right end and the
            image with further rows, by words of any content; None: they are not.
    sinks:  a list of one endpoint, data (64 bits).
    source: data, the codes of ``pixels`` pixels, the leftmost in the lowest bits; no back-pressure.
    room:   words may leave. A word still leaves in the clock after room has fallen.
    """

    def __init__(self, pixels: int, pixel_bits: int, padding: Optional[Tuple[Tuple[int, int], int]] = None):
        self.unpacker = unpacker = Unpacker(8 * BEAT_BYTES, 8 * pixels)
        self.sinks = [unpacker.sink]
        self.source = source = stream.Endpoint([("data", pixels * pixel_bits)])
        self.room = Signal()
        stream.set_reset_less(source.payload)

        # # #

        word, ready, leaves = unpacker.source.word, self.room, unpacker.source.valid & self.room
        if padding is not None:
            (rows, columns), size = padding
            takes = Signal(reset=1)  # the word that leaves next is not padding
            row, column = Signal(max=size), Signal(max=size // pixels)
            ready, leaves = self.room & takes, self.room & (unpacker.source.valid | ~takes)
            self.sync += If(
                leaves,
                column.eq(column + 1),
                If(column == columns // pixels - 1, takes.eq(0)),
                If(
                    column == size // pixels - 1,
                    column.eq(0),
                    row.eq(row + 1),
                    takes.eq(row < rows - 1),
                    If(row == size - 1, row.eq(0), takes.eq(1)),
                ),
            )
        self.comb += unpacker.source.ready.eq(ready)
        self.sync += [
            source.valid.eq(leaves),
            source.data.eq(
                Cat(*[word[8 * (pixel + 1) - pixel_bits : 8 * (pixel + 1)] for pixel in range(pixels)])
            ),
        ]
