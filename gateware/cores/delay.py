"""Delay lines."""

from __future__ import annotations

from migen import Module, Signal, value_bits_sign


def delayed(module: Module, value, clocks: int, name: str = "delayed", reset_less: bool = True):
    """Delay ``value`` by ``clocks`` clocks. Data needs no reset; a flag that starts something does."""
    for number in range(clocks):
        stage = Signal(
            value_bits_sign(value), reset_less=reset_less, name=name if clocks == 1 else f"{name}{number}"
        )
        module.sync += stage.eq(value)
        value = stage
    return value
