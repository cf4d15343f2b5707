"""Counters that begin again, with a register that says when."""

from __future__ import annotations

from typing import Tuple

from migen import If, Module, Signal


def cycle(module: Module, count: int, advance, name: str) -> Tuple[Signal, Signal]:
    """Add a counter 0 .. count - 1. Returns it and a register that is high while it is count - 1."""
    value = Signal(max=max(count, 2), name=name)
    ends = Signal(reset=count == 1, name=f"{name}_ends")
    module.sync += If(
        advance,
        If(ends, value.eq(0), ends.eq(count == 1)).Else(value.eq(value + 1), ends.eq(value == count - 2)),
    )
    return value, ends
