"""Convert bus beats to rows of pixel codes: packed by the driver, or uint8, which this module reduces."""

from __future__ import annotations

from functools import reduce
from operator import and_

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from lst_overlay.network.lst.parameters import SIZE
from lst_overlay.registers import BEAT_BYTES

PACKED_BITS = 56  # of a beat; its last byte is 0


class PackedRows(LiteXModule):
    """Rows of packed pixels: one beat of every port is a row; the first port has the leftmost pixels.

    sinks:  a list of endpoints, one for each port; data (64 bits), of which the low 56 bits are pixels.
    source: data, a row; no back-pressure.
    room:   rows may leave. A row still leaves in the clock after room has fallen.
    """

    def __init__(self, pixel_bits: int):
        self.sinks = sinks = [
            stream.Endpoint([("data", 8 * BEAT_BYTES)]) for _ in range(SIZE * pixel_bits // PACKED_BITS)
        ]
        self.source = source = stream.Endpoint([("data", SIZE * pixel_bits)])
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
            source.data.eq(Cat(*[sink.data[:PACKED_BITS] for sink in sinks])),
        ]


class ByteRows(LiteXModule):
    """Rows of uint8 pixels: seven beats are two rows. A code is the highest ``pixel_bits`` bits of a pixel.

    sinks:  a list of one endpoint, data (64 bits).
    source: data, a row; no back-pressure.
    room:   rows may leave. A row still leaves in the clock after room has fallen.
    """

    def __init__(self, pixel_bits: int):
        sink = stream.Endpoint([("data", 8 * BEAT_BYTES)])
        self.sinks = [sink]
        self.source = source = stream.Endpoint([("data", SIZE * pixel_bits)])
        self.room = Signal()

        # # #

        codes = Cat(*[sink.data[8 * (byte + 1) - pixel_bits : 8 * (byte + 1)] for byte in range(BEAT_BYTES)])
        # The codes of the last three beats, the oldest in the lowest bits.
        before = Signal(3 * BEAT_BYTES * pixel_bits, reset_less=True)
        window = Cat(before, codes)
        step = Signal(max=7)
        taken = Signal()
        self.comb += [taken.eq(sink.valid & self.room), sink.ready.eq(self.room)]
        self.sync += [
            source.valid.eq(taken & ((step == 3) | (step == 6))),
            If(step == 3, source.data.eq(window[: SIZE * pixel_bits])).Else(
                source.data.eq(window[len(window) - SIZE * pixel_bits :])
            ),
            If(taken, before.eq(window[len(codes) :]), If(step == 6, step.eq(0)).Else(step.eq(step + 1))),
        ]
