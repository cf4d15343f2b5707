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
    """``crc`` of all words since ``clear``; a word given with ``valid`` counts 2 clocks later."""

    def __init__(self):
        self.clear = Signal()
        self.valid = Signal()
        self.word = Signal(32)
        self.crc = Signal(32)

        # # #

        # The step is linear, so the word's part of it is taken in a clock of its own.
        state, word_part, valid = Signal(32, reset=0xFFFFFFFF), Signal(32, reset_less=True), Signal()
        self.comb += self.crc.eq(~state)
        self.sync += [
            word_part.eq(_step(self.word)), valid.eq(self.valid),
            If(valid, state.eq(_step(state) ^ word_part)),
            If(self.clear, state.eq(0xFFFFFFFF), valid.eq(0)),
        ]


def _step(word):
    return Cat(*[reduce(xor, [word[bit] for bit in bits]) for bits in _ROWS])
