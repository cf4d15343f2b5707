"""A weight, a shift, a bias: one multiplier, whose product is clipped."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import Cat, Constant, Signal

from lst_overlay.network.resmlp.array_format import UNIT_SHIFT

HALF = 1 << UNIT_SHIFT - 1


class Clip(LiteXModule):
    """y is ``value``, signed, clipped to ``bits`` bits, 2 clocks later; with ``relu`` also to 0 or more."""

    latency = 2

    def __init__(self, value, bits: int, relu=0):
        self.y = Signal((bits, True), reset_less=True)

        # # #

        top = value[bits - 1 :]
        is_small = Signal(reset_less=True)
        is_zero = Signal(reset_less=True)
        negative = Signal(reset_less=True)
        low = Signal(bits - 1, reset_less=True)
        self.sync += [
            is_small.eq((top == 0) | (top == 2 ** len(top) - 1)),
            is_zero.eq(value[-1] & relu),
            negative.eq(value[-1]),
            low.eq(value),
            *[
                self.y[place].eq(((is_small & low[place]) | (~is_small & ~negative)) & ~is_zero)
                for place in range(bits - 1)
            ],
            self.y[-1].eq(negative & ~is_zero),
        ]


class Requantiser(LiteXModule):
    """y = clip((a b + bias 2**16 + 2**15) >> 16).

    For a = w 2**(16 - r) and b = x this is clip(rs(w x, r) + bias).

    a, b: signed, one of at most 25 bits, the other of at most 18.
    bias: 8 bits, signed, 1 clock after a and b.
    y:    5 clocks after a and b.
    """

    latency = 5

    def __init__(self, a, b, bias, bits: int, relu=0):
        a_register = Signal((len(a), True), reset_less=True, name="a")
        b_register = Signal((len(b), True), reset_less=True, name="b")
        m = Signal((len(a) + len(b), True), reset_less=True)
        p = Signal((len(m) + 1, True), reset_less=True)
        bias_register = Signal((len(bias), True), reset_less=True, name="bias")
        constant = Signal((UNIT_SHIFT + len(bias), True))
        self.comb += constant.eq(Cat(Constant(HALF, UNIT_SHIFT), bias_register))
        self.sync += [
            a_register.eq(a),
            b_register.eq(b),
            bias_register.eq(bias),
            m.eq(a_register * b_register),
            p.eq(m + constant),
        ]
        self.clip = Clip(p[UNIT_SHIFT:], bits, relu)
        self.y = self.clip.y
