"""Counters that begin again, with a register that says when."""

from __future__ import annotations

from typing import Tuple

from migen import Cat, Constant, If, Module, Signal


def cycle(module: Module, count: int, advance, name: str) -> Tuple[Signal, Signal]:
    """Add a counter 0 .. count - 1. Returns it and a register that is high while it is count - 1."""
    value = Signal(max=max(count, 2), name=name)
    ends = Signal(reset=count == 1, name=f"{name}_ends")
    module.sync += If(
        advance,
        If(ends, value.eq(0), ends.eq(count == 1)).Else(value.eq(value + 1), ends.eq(value == count - 2)),
    )
    return value, ends


def index(*counters: Tuple[Signal, int]):
    """The counters side by side, the first one lowest; each comes with its number of bits, which may be 0."""
    return Cat(*([counter[:bits] for counter, bits in counters if bits] or [Constant(0, 1)]))
