"""A count of things that one module gives and another takes: credits, free or filled buffers."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Signal


class Stock(LiteXModule):
    """put, take: high for one clock for each thing. available: there is one.

    What is taken counts one clock later, what is put two.
    """

    def __init__(self, limit: int, filled: bool):
        self.put = Signal()
        self.take = Signal()
        self.available = Signal(reset=filled)

        # # #

        count = Signal(max=limit + 1, reset=limit if filled else 0)
        put = Signal()
        self.sync += [
            put.eq(self.put),
            If(put & ~self.take, count.eq(count + 1), self.available.eq(1)),
            If(self.take & ~put, count.eq(count - 1), self.available.eq(count > 1)),
        ]
