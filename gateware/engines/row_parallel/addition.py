"""A sum of at most three numbers, in one carry chain or in none.

A chain takes a slice for every four bits, whatever it leaves of the slice. So three numbers first become two
with the same sum, bit by bit without carries (carry-save addition), in the LUT before each bit of the chain.
"""

from __future__ import annotations

from functools import reduce
from operator import add, sub
from typing import List, NamedTuple, Sequence, Tuple

from migen import Cat, Constant, Module, Signal

LUT_INPUTS = 6


class Summand(NamedTuple):
    """The value sign * signal * 2**shift."""

    signal: Signal
    shift: int
    sign: int


class Split(NamedTuple):
    """How a sum is made.

    low:   its lowest bits, which are those of the one summand of least shift.
    high:  all other bits, which are added.
    chain: whether a carry chain adds them, or each is a LUT of all bits of two summands.
    """

    low: int
    high: int
    chain: bool


def split(parts: Sequence[Tuple[int, int, int]], constant: int, width: int) -> Split:
    """Return how a sum of ``width`` bits is made. parts: (bits, shift, sign) of each summand."""
    (_, shift, sign), *others = sorted(parts, key=lambda part: (part[1], -part[2]))
    low = min((other[1] for other in others), default=0) if sign > 0 and not constant else 0
    low = min(low, width - 1)  # a sum that is always 0 is narrower than its summands' shifts
    inputs = sum(bits for bits, *_ in parts) - max(0, low - shift)
    few = len(parts) == 2 and not constant and any(sign > 0 for *_, sign in parts) and inputs <= LUT_INPUTS
    return Split(low, width - low, not few)


def registered_sum(
    module: Module, summands: Sequence[Summand], constant: int, shape: Tuple[int, bool], name: str
) -> Signal:
    """Add to ``module`` a register of the sum of one to three summands and a constant, and return it.

    The constant counts as a summand unless it is 0. shape: (bits, signed) of the sum.
    """
    parts = [(len(signal), shift, sign) for signal, shift, sign in summands]
    low_bits, high_bits, chain = split(parts, constant, shape[0])
    positive, negative = (
        [_signed(module, signal, shift - low_bits) for signal, shift, sign_ in summands if sign_ == sign]
        for sign in (1, -1)
    )
    high = Signal((high_bits, shape[1]), name=f"{name}_high")
    numbers = len(summands) + bool(constant)
    if numbers == 3 or len(negative) == 2:
        module.comb += high.eq(_sum_of_three(module, positive, negative, constant, high_bits))
    elif chain:
        if constant or not positive:
            positive.append(constant)
        module.comb += high.eq(reduce(sub, negative, reduce(add, positive)))
    else:
        _add_in_luts(module, *positive, *negative, bool(negative), high)
    total = Signal(shape, reset_less=True, name=name)
    if low_bits:
        lowest = min(summands, key=lambda summand: summand.shift)
        low = Signal(low_bits, name=f"{name}_low")
        module.comb += low.eq(_signed(module, lowest.signal, lowest.shift))
        module.sync += total.eq(Cat(low, high))
    else:
        module.sync += total.eq(high)
    return total


def _sum_of_three(module: Module, positive: List[Signal], negative: List[Signal], constant: int, width: int):
    """The sum of three numbers, or of two negative ones, modulo 2**width.

    A negative number is its complement and 1. Beside two numbers, a constant takes in each 1. Else one has
    room in the carries' lowest bit, and for two the carries are those of the complement of the sum,
    b + c + ~a, so they are taken off.
    """
    ones = len(negative)
    if len(positive) + ones == 2:
        numbers = [*positive, *[~number for number in negative], Constant((constant + ones) % (1 << width))]
        ones = 0
    elif ones == 2:
        numbers = [~positive[0], *negative]
    else:
        numbers = [*positive, *[~number for number in negative]]
    a, b, c = (_extended(module, number, width) for number in numbers)
    bits, carries = Signal(width, name="sum_bits"), Signal(width, name="sum_carries")
    taken_off = ones == 2
    module.comb += [
        bits.eq(~(a ^ b ^ c) if taken_off else a ^ b ^ c),
        carries.eq(Cat(Constant(ones % 2, 1), (a & b) | (a & c) | (b & c))),
    ]
    if taken_off:
        return bits - carries
    return bits + carries + (2 if ones == 3 else 0)


def _extended(module: Module, number, width: int) -> Signal:
    """A number in ``width`` bits, with its sign or cut."""
    extended = Signal(width, name="extended")
    module.comb += extended.eq(number)
    return extended


def _signed(module: Module, signal: Signal, shift: int) -> Signal:
    """A signal of its own: in expressions of mixed signs, Verilog cuts sums and shifts to their operands."""
    shifted = Signal((max(len(signal) + shift, 0) + 1, True), name="summand")
    module.comb += shifted.eq(signal << shift if shift > 0 else signal >> -shift)
    return shifted


def _add_in_luts(module: Module, a: Signal, b: Signal, subtract: bool, total: Signal) -> None:
    """Assign a + b or a - b bit by bit, so that each bit becomes a LUT of all inputs."""
    carry, bits = int(subtract), []
    for place in range(len(total)):
        x, y = (signal[min(place, len(signal) - 1)] for signal in (a, b))
        y = ~y if subtract else y
        bit, following = Signal(name="bit"), Signal(name="carry")
        module.comb += [bit.eq(x ^ y ^ carry), following.eq((x & y) | (x & carry) | (y & carry))]
        carry, bits = following, [*bits, bit]
    module.comb += total.eq(Cat(*bits))
