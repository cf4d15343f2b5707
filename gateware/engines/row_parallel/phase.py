"""The beat that all stages share: images enter at phase 0 only, so a count tells everywhere which row or column is there."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Signal


class Phase(LiteXModule):
    """count: 0 .. size - 1 in turn, for ever; what entered in phase 0 is seen ``latency`` clocks later, when count is 0 here."""

    def __init__(self, size: int, latency: int = 0):
        self.count = count = Signal(max=size, reset=-latency % size)

        # # #

        self.sync += If(count == size - 1, count.eq(0)).Else(count.eq(count + 1))
