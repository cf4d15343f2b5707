"""CRC-32 (IEEE 802.3, as computed by zlib) of a stream of little-endian 32-bit words."""

from __future__ import annotations

from functools import reduce
from operator import xor

from litex.gen import LiteXModule
from migen import Cat, If, Signal

_POLYNOMIAL = 0xEDB88320  # bit-reversed


def _rows() -> list:
    """For each bit of the next state, the bits of (state xor word) whose parity it is."""
    columns = []
    for bit in range(32):
        state = 1 << bit
        for _ in range(32):
            state = (state >> 1) ^ (_POLYNOMIAL if state & 1 else 0)
        columns.append(state)
    return [[bit for bit in range(32) if columns[bit] >> row & 1] for row in range(32)]


_ROWS = _rows()


class Crc32(LiteXModule):
    """The CRC of all words since ``clear``.

    word:  accepted when ``valid``; words are at least three clocks apart.
    crc:   includes a word three clocks after it was accepted.
    """

    def __init__(self):
        self.clear = Signal()
        self.valid = Signal()
        self.word = Signal(32)
        self.crc = Signal(32)

        # # #

        # Three clocks, one for each of: xor with the word; the next state of each half of the bits, since the
        # step is linear; xor of both results.
        state = Signal(32, reset=0xFFFFFFFF)
        mixed = Signal(32, reset_less=True)
        low_part = Signal(32, reset_less=True)
        high_part = Signal(32, reset_less=True)
        mixed_valid = Signal()
        parts_valid = Signal()
        self.comb += self.crc.eq(~state)
        self.sync += [
            mixed_valid.eq(self.valid),
            mixed.eq(state ^ self.word),
            parts_valid.eq(mixed_valid),
            low_part.eq(_step(mixed, range(16))),
            high_part.eq(_step(mixed, range(16, 32))),
            If(parts_valid, state.eq(low_part ^ high_part)),
            If(self.clear, state.eq(0xFFFFFFFF), mixed_valid.eq(0), parts_valid.eq(0)),
        ]


def _step(mixed, bits):
    """The contribution of ``bits`` of (state xor word) to the next state."""
    return Cat(*[reduce(xor, [mixed[bit] for bit in row if bit in bits], 0) for row in _ROWS])
