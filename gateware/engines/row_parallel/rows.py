"""Convert bus beats to rows of pixel codes: packed by the driver, or uint8, which this module reduces."""

from __future__ import annotations

from functools import reduce
from operator import and_

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from lst_overlay.registers import BEAT_BYTES


class PackedRows(LiteXModule):
    """Rows of packed pixels: one beat of every port is a row; the first port has the leftmost pixels.

    sinks:  a list of endpoints, one for each port; data (64 bits), the pixels in its low bits.
    source: data, a row; no back-pressure.
    room:   rows may leave. A row still leaves in the clock after room has fallen.
    """

    def __init__(self, pixel_bits: int, columns: int, ports: int):
        self.sinks = sinks = [stream.Endpoint([("data", 8 * BEAT_BYTES)]) for _ in range(ports)]
        self.source = source = stream.Endpoint([("data", columns * pixel_bits)])
        self.room = Signal()

        # # #

        taken = Signal()
        self.comb += taken.eq(reduce(and_, [sink.valid for sink in sinks], self.room))
        for sink in sinks:  # a beat is accepted when those of all other ports are valid
            self.comb += sink.ready.eq(
                reduce(and_, [other.valid for other in sinks if other is not sink], self.room)
            )
        self.sync += [
            source.valid.eq(taken),
            source.data.eq(Cat(*[sink.data[: columns * pixel_bits // ports] for sink in sinks])),
        ]


class ByteRows(LiteXModule):
    """Rows of uint8 pixels. A code is the highest ``pixel_bits`` bits of a pixel.

    columns: of a row, a multiple of four, so that every second row ends with a beat.
    sinks:  a list of one endpoint, data (64 bits).
    source: data, a row; no back-pressure.
    room:   rows may leave. A row still leaves in the clock after room has fallen.
    """

    def __init__(self, pixel_bits: int, columns: int):
        sink = stream.Endpoint([("data", 8 * BEAT_BYTES)])
        self.sinks = [sink]
        self.source = source = stream.Endpoint([("data", columns * pixel_bits)])
        self.room = Signal()

        # # #

        row = columns * pixel_bits
        first, second = (
            -(-columns // BEAT_BYTES) - 1,
            2 * columns // BEAT_BYTES - 1,
        )  # the steps that end rows
        codes = Cat(*[sink.data[8 * (byte + 1) - pixel_bits : 8 * (byte + 1)] for byte in range(BEAT_BYTES)])
        # The codes of the last beats, the oldest in the lowest bits.
        before = Signal(max(first, 1) * len(codes), reset_less=True)
        window = Cat(before, codes)
        begin = len(window) - (first + 1) * len(codes)  # of the first row, when it ends
        step = Signal(max=second + 1)
        taken = Signal()
        self.comb += [taken.eq(sink.valid & self.room), sink.ready.eq(self.room)]
        self.sync += [
            source.valid.eq(taken & ((step == first) | (step == second))),
            If(step == first, source.data.eq(window[begin : begin + row])).Else(
                source.data.eq(window[len(window) - row :])
            ),
            If(
                taken, before.eq(window[len(codes) :]), If(step == second, step.eq(0)).Else(step.eq(step + 1))
            ),
        ]
