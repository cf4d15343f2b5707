"""Convert bus beats to rows of pixel codes: packed by the driver, or uint8, which this module reduces."""

from __future__ import annotations

from functools import reduce
from operator import and_

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Signal

from lst_overlay.registers import BEAT_BYTES, BURST_BEATS


class PackedRows(LiteXModule):
    """Rows of packed pixels: a beat of every buffer is a row; the first buffer has the leftmost pixels.

    Two ports read each buffer, its bursts alternately.

    sinks:  a list of endpoints, one for each port; data (64 bits), the pixels in its low bits. The first half
            of the ports begin with the first burst of each buffer, the others with the second.
    source: data, a row; no back-pressure.
    room:   rows may leave. A row still leaves in the clock after room has fallen.
    start:  input, high for one clock before the first beat of a batch.
    """

    def __init__(self, pixel_bits: int, columns: int, buffers: int):
        self.sinks = sinks = [stream.Endpoint([("data", 8 * BEAT_BYTES)]) for _ in range(2 * buffers)]
        self.source = source = stream.Endpoint([("data", columns * pixel_bits)])
        self.room = Signal()
        self.start = Signal()

        # # #

        beat = Signal(max=2 * BURST_BEATS)
        second = beat[-1]  # the beats are those of the second half of the ports
        taken = Signal()
        halves = sinks[:buffers], sinks[buffers:]
        for half, may_leave in zip(halves, (self.room & ~second, self.room & second)):
            for sink in half:  # a beat is accepted when those of all other buffers are valid
                self.comb += sink.ready.eq(
                    reduce(and_, [other.valid for other in half if other is not sink], may_leave)
                )
        valid = [reduce(and_, [sink.valid for sink in half], self.room) for half in halves]
        rows = [Cat(*[sink.data[: columns * pixel_bits // buffers] for sink in half]) for half in halves]
        self.comb += taken.eq(Mux(second, valid[1], valid[0]))
        self.sync += [
            source.valid.eq(taken),
            source.data.eq(Mux(second, rows[1], rows[0])),
            If(taken, beat.eq(beat + 1)),
            If(self.start, beat.eq(0)),
        ]


class ByteRows(LiteXModule):
    """Rows of uint8 pixels. A code is the highest ``pixel_bits`` bits of a pixel.

    columns: of a row, a multiple of four, so that every second row ends with a beat.
    sinks:  a list of one endpoint, data (64 bits).
    source: data, a row; no back-pressure.
    room:   a row may leave in this clock. Until it may, beats of the next row are accepted.
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
        is_second = Signal()  # the row that ends next is the second of two
        ends = Signal(reset=first == 0)  # the next beat ends a row
        complete = Signal()  # a row is in ``source.data``
        steps = second + 1
        self.comb += [
            sink.ready.eq(~(ends & complete)),
            taken.eq(sink.valid & sink.ready),
            source.valid.eq(complete & self.room),
        ]
        self.sync += [
            complete.eq((taken & ends) | (complete & ~self.room)),
            If(
                taken & ends,
                source.data.eq(Mux(is_second, window[len(window) - row :], window[begin : begin + row])),
                is_second.eq(~is_second),
            ),
            If(
                taken,
                before.eq(window[len(codes) :]),
                ends.eq((step == (first - 1) % steps) | (step == (second - 1) % steps)),
                If(step == second, step.eq(0)).Else(step.eq(step + 1)),
            ),
        ]
