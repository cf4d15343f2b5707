"""Number the bytes of an image and turn them into codes for the code memory."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from lst_overlay.network.resmlp.array_format import ArrayFormat


class PixelWriter(LiteXModule):
    """Write the pixels of two images: one is in use or waits while the other arrives.

    sink:   word (8 bits): the bytes of images, row by row, the colours of a pixel together.
    source: slot, token, channel (mod 16), code: for `CodeMemory.pixel`.
    released:  high for one clock when the oldest image is no longer needed.
    has_image: an image is complete.
    """

    def __init__(self, fmt: ArrayFormat):
        self.sink = sink = stream.Endpoint([("word", 8)])
        self.source = pixel = stream.Endpoint(
            [("slot", 5), ("token", 6), ("channel", 4), ("code", fmt.code_bits)]
        )
        self.released = Signal()
        self.has_image = Signal()

        # # #

        rows, columns, colours = fmt.image_shape
        line = fmt.patch * colours  # bytes of a row of a patch
        value = Signal(max=line)
        column = Signal(max=columns // fmt.patch)  # of patches, as is ``row``
        row = Signal(max=rows // fmt.patch)
        inner = Signal(max=fmt.patch)
        channel = Signal(max=fmt.patch_values + 1)
        line_begin = Signal(max=fmt.patch_values + 1)  # the channel of the first byte of the line
        second = Signal()  # of the two images
        images = Signal(2)  # complete and not released
        complete = Signal()
        taken = Signal()
        at_value, at_column, at_inner, at_row = (
            Signal(name=f"at_{n}") for n in ("value", "column", "inner", "row")
        )
        self.comb += [
            self.has_image.eq(images != 0),
            sink.ready.eq(taken),
            complete.eq(taken & at_value & at_column & at_inner & at_row),
        ]
        next_line = Signal.like(line_begin)
        self.sync += [
            # A line lasts several bytes, so that these follow in time.
            at_column.eq(column == columns // fmt.patch - 1),
            at_inner.eq(inner == fmt.patch - 1),
            at_row.eq(row == rows // fmt.patch - 1),
            next_line.eq(line_begin + line),
            # At most every third clock takes a byte, so that no path leads to ``sink`` from the memory, which
            # says in the same clock whether it has room. The 3,072 bytes of an image take 9,216 clocks.
            taken.eq(sink.valid & (images != 2) & ~pixel.valid & ~taken),
            If(pixel.ready, pixel.valid.eq(0)),
            If(
                taken,
                pixel.valid.eq(1),
                pixel.slot.eq(channel[4:] + second * fmt.pixel_slots),
                pixel.token.eq(Cat(column, row)),
                pixel.channel.eq(channel[:4]),
                pixel.code.eq(Cat(sink.word[8 - fmt.code_bits : 7], ~sink.word[7])),
                value.eq(value + 1),
                at_value.eq(value == line - 2),
                channel.eq(channel + 1),
                If(
                    at_value,
                    value.eq(0),
                    column.eq(column + 1),
                    channel.eq(line_begin),
                    If(
                        at_column,
                        inner.eq(inner + 1),
                        line_begin.eq(next_line),
                        channel.eq(next_line),
                        If(at_inner, inner.eq(0), line_begin.eq(0), channel.eq(0), row.eq(row + 1)),
                    ),
                ),
            ),
            # The last pixel is written a few clocks after it is counted, and read 200 clocks later.
            If(complete, second.eq(~second)),
            If(complete & ~self.released, images.eq(images + 1)),
            If(self.released & ~complete, images.eq(images - 1)),
        ]
