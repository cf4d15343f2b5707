"""CRC-32 (IEEE 802.3, the one of zlib) of a stream of little-endian 32-bit words."""

from __future__ import annotations

from functools import reduce
from operator import xor

from litex.gen import LiteXModule
from migen import Cat, If, Signal

_POLYNOMIAL = 0xEDB88320  # bit-reversed


def _rows() -> list:
    """For each bit of the next state: which bits of (state xor word) it is the parity of."""
    columns = []
    for bit in range(32):
        state = 1 << bit
        for _ in range(32):
            state = (state >> 1) ^ (_POLYNOMIAL if state & 1 else 0)
        columns.append(state)
    return [[bit for bit in range(32) if columns[bit] >> row & 1] for row in range(32)]


_ROWS = _rows()


class Crc32(LiteXModule):
    """``crc`` of all words since ``clear``; ``valid`` goes with a word, and words are at least three clocks apart.

    A word counts three clocks later.
    """

    def __init__(self):
        self.clear = Signal()
        self.valid = Signal()
        self.word = Signal(32)
        self.crc = Signal(32)

        # # #

        # The word goes in, the step is taken in halves (it is linear), the halves are added: a clock each.
        state = Signal(32, reset=0xFFFFFFFF)
        mixed = Signal(32, reset_less=True)
        low_part = Signal(32, reset_less=True)
        high_part = Signal(32, reset_less=True)
        given = Signal()
        stepped = Signal()
        self.comb += self.crc.eq(~state)
        self.sync += [
            given.eq(self.valid),
            mixed.eq(state ^ self.word),
            stepped.eq(given),
            low_part.eq(_step(mixed, range(16))),
            high_part.eq(_step(mixed, range(16, 32))),
            If(stepped, state.eq(low_part ^ high_part)),
            If(self.clear, state.eq(0xFFFFFFFF), given.eq(0), stepped.eq(0)),
        ]


def _step(mixed, bits):
    """What those ``bits`` of (state xor word) give to the next state."""
    return Cat(*[reduce(xor, [mixed[bit] for bit in row if bit in bits], 0) for row in _ROWS])
