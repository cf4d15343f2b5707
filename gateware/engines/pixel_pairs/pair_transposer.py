"""Transpose matrices, two codes per clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Mux, Signal

from gateware.cores.delay import delayed


class PairTransposer(LiteXModule):
    """Emit a matrix column by column in size * size / 2 consecutive clocks, after it has arrived row by row.

    Even rows are stored in one memory and odd rows in another; a word holds codes k and size / 2 + k of a
    row. Codes 2 j and 2 j + 1 of a column then come from two different memories, each as one half of a word.
    The columns of the left half of the matrix are read first; then the same words are read again for the
    right half.

    No back-pressure: ``ready`` is ignored on both sides. No matrix is overwritten before it has left, if it
    leaves before ``banks`` - 1 further ones have arrived.

    banks:    the number of matrices for which there is room, a power of two.
    sink:     x0, x1 (code_width bits, signed), codes k and size / 2 + k of a row, k = 0, 1, ..
    source:   y0, y1 (code_width bits, signed), codes 2 j and 2 j + 1 of a column, j = 0, 1, ..
    complete: high for one clock when a matrix may leave.
    start:    input, high for one clock, at the earliest with ``complete``: the next matrix leaves. Its first
              codes come ``latency`` clocks later.
    """

    latency = 4

    def __init__(self, size: int, code_width: int, banks: int = 2):
        self.sink = sink = stream.Endpoint([("x0", (code_width, True)), ("x1", (code_width, True))])
        self.source = source = stream.Endpoint([("y0", (code_width, True)), ("y1", (code_width, True))])

        self.complete = Signal()
        self.start = Signal()

        # # #

        half = size // 2
        words = half * half
        place_bits = (words - 1).bit_length()

        # Writing: the words of a row at base, base + 1, ..; the next row at the same addresses of the other
        # memory.
        base = Signal(place_bits)
        step = Signal(max=half)
        odd = Signal()
        write_bank = Signal(max=banks)
        row_ends = Signal()
        full = Signal()
        write_place = Signal(place_bits)
        self.comb += [
            sink.ready.eq(1),
            write_place.eq(base + step),
            row_ends.eq(sink.valid & (step == half - 1)),
            full.eq(row_ends & odd & (base == words - half)),
        ]
        self.sync += If(
            sink.valid,
            step.eq(step + 1),
            If(row_ends, step.eq(0), odd.eq(~odd), If(odd, base.eq(base + half))),
            If(full, base.eq(0), write_bank.eq(write_bank + 1)),
        )
        address = delayed(self, Cat(write_place, write_bank), 1)
        data = delayed(self, Cat(sink.x0, sink.x1), 1)
        writes = [delayed(self, sink.valid & (odd == parity), 1, reset_less=False) for parity in range(2)]

        # Reading: the words of a column from top to bottom, then those of the next column.
        self.sync += self.complete.eq(full)
        reading = Signal()
        read_bank = Signal(max=banks)
        place = Signal(place_bits)
        column = Signal(max=half)
        pair = Signal(max=half)
        right = Signal()
        at_bottom = Signal()
        self.comb += at_bottom.eq(pair == half - 1)
        self.sync += [
            If(
                reading,
                pair.eq(pair + 1),
                place.eq(place + half),
                If(
                    at_bottom,
                    pair.eq(0),
                    column.eq(column + 1),
                    place.eq(column + 1),
                    If(
                        column == half - 1,
                        column.eq(0),
                        place.eq(0),
                        right.eq(~right),
                        If(right, reading.eq(0), read_bank.eq(read_bank + 1)),
                    ),
                ),
            ),
            If(self.start, reading.eq(1)),
        ]
        right_out = delayed(self, right, 2)
        for parity, y in enumerate((source.y0, source.y1)):
            memory = Memory(2 * code_width, banks << place_bits, name=f"rows{parity}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port
            self.comb += [
                write_port.adr.eq(address),
                write_port.dat_w.eq(data),
                write_port.we.eq(writes[parity]),
                read_port.adr.eq(Cat(place, read_bank)),
            ]
            word = delayed(self, read_port.dat_r, 1, name=f"word{parity}_")  # the block RAM's output register
            self.sync += y.eq(Mux(right_out, word[code_width:], word[:code_width]))
        self.comb += source.valid.eq(delayed(self, reading, self.latency - 1, reset_less=False))
