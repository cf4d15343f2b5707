"""A wide counter whose carry crosses half of it in a clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import Cat, If, Signal

from gateware.cores.delay import delayed


class LatchedCounter(LiteXModule):
    """Count clocks, and keep the count on request.

    The high half counts, clears and latches one clock after the low half.

    half_width: bits of a half.
    reset_less: ``clear`` alone brings the count to 0.
    counts:     this clock counts.
    clear:      the count becomes 0, whatever ``counts`` says.
    latch:      the count before this clock is kept.
    low, high:  the halves of what was kept, one clock and two clocks after ``latch``.
    """

    def __init__(self, half_width: int = 32, reset_less: bool = True):
        self.counts = Signal()
        self.clear = Signal()
        self.latch = Signal()
        self.low = Signal(half_width, reset_less=True)
        self.high = Signal(half_width, reset_less=True)

        # # #

        low = Signal(half_width, reset_less=reset_less)
        high = Signal(half_width, reset_less=reset_less)
        carry = Signal()
        self.sync += [
            carry.eq(0),
            If(self.counts, Cat(low, carry).eq(low + 1)),
            If(self.clear, low.eq(0), carry.eq(0)),
            If(self.latch, self.low.eq(low)),
            If(carry, high.eq(high + 1)),
            If(delayed(self, self.clear, 1, name="clear_high"), high.eq(0)),
            If(delayed(self, self.latch, 1, name="latch_high"), self.high.eq(high)),
        ]
