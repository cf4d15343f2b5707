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


def keep_register(register: Signal) -> None:
    """Keep a register at either end of a delay out of the shift register that the rest becomes.

    A LUT that is a shift register takes its input earlier than a register does, and its output is later.
    """
    register.attr.add(("keep", "true"))
