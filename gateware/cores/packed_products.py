"""Several products in the multiplier of a DSP48E1, and their sums in logic.

    P = (w0 + w1 2**20) (x0 + x1 2**10) + 512 (1 + 2**10 + 2**20 + 2**30)

Four products of up to 511, of 5-bit weights and 6-bit codes, lie in fields of 10 bits. The constant makes
each field 0 .. 1023, so that no field borrows from the one above it: a sum of n products is 512 n too large.
With two products P = (w0 + w1 2**n) x + 2**(n - 1) (1 + 2**n), n being `Packing.field_bits`.
"""

from __future__ import annotations

from typing import List, Sequence

from migen import Cat, Module, Mux, Replicate, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.packing import Packing


def code_factor(module: Module, codes: Sequence[Signal], packing: Packing, t) -> Signal:
    """The codes of a multiplier without the bits between them, 1 clock later."""
    if packing.column_lanes == 1:
        return delayed(module, codes[0], 1, name=f"low{t}")
    low, high = codes
    # A negative x0 reads as 2**field_bits too much, so the bits above it are those of x1 - 1.
    above = Signal((packing.code_bits + 1, True), reset_less=True, name=f"above{t}")
    borrow = Signal(name=f"borrow{t}")
    module.comb += borrow.eq(low[-1])
    module.sync += above.eq(high - borrow)
    return Cat(delayed(module, low, 1, name=f"low{t}"), above)


def multiplier(module: Module, name: str, weights, x, packing: Packing) -> Signal:
    """Add a multiplier with registers A, B, M and P. Returns P, 3 clocks later.

    weights: two, w0 in the lower bits. x: `code_factor`.
    """
    a_bits, b_bits = packing.factor_widths
    a = Signal((a_bits, True), reset_less=True, name=f"a{name}")
    b = Signal((b_bits, True), reset_less=True, name=f"b{name}")
    m = Signal((len(a) + len(b), True), reset_less=True, name=f"m{name}")
    p = Signal(packing.products * packing.field_bits, reset_less=True, name=f"p{name}")
    offset = 1 << packing.field_bits - 1
    module.sync += [
        a.eq(_apart(weights, packing.weight_bits, a_bits)),
        b.eq(_apart(x, packing.code_bits, b_bits)),
        m.eq(a * b),
        p.eq(m + sum(offset << packing.field_bits * field for field in range(packing.products))),
    ]
    return p


def accumulators(module: Module, name, p, first, width: int, packing: Packing) -> List[Signal]:
    """Add a sum of ``width`` bits, unsigned, for each field of ``p``; they begin anew with ``first``.

    Returns them in the order w0 x0, w0 x1, w1 x0, w1 x1, or w0 x, w1 x.
    """
    sums, bits = [], packing.field_bits
    for field in range(packing.products):
        acc = Signal(width, reset_less=True, name=f"acc{name}_{field}")
        before = Signal(width, name=f"before{name}_{field}")
        module.comb += before.eq(Mux(first, 0, acc))
        module.sync += acc.eq(p[bits * field : bits * (field + 1)] + before)
        sums.append(acc)
    return sums


def _apart(values, bits: int, width: int):
    """The first value of ``bits`` bits, signed, and the other bits at the upper end of ``width``."""
    if width == bits:
        return values
    return Cat(values[:bits], Replicate(values[bits - 1], width - len(values)), values[bits:])
