"""The counter that tells the row-parallel stages which row or column they have."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Signal


class RowCounter(LiteXModule):
    """A free-running counter of rows or columns.

    Images enter the pipeline only when the counter of the pipeline is 0. A stage whose input is ``latency``
    clocks late has a counter of its own, which is late by as many clocks, so it is 0 when the stage has an
    image's first row or column.

    count: 0 .. size - 1, then 0 again, for ever.
    """

    def __init__(self, size: int, latency: int = 0):
        self.count = count = Signal(max=size, reset=-latency % size)

        # # #

        self.sync += If(count == size - 1, count.eq(0)).Else(count.eq(count + 1))
