"""A product without a DSP block."""

from __future__ import annotations

from migen import Module, Mux, Signal

from gateware.cores.delay import delayed


def product_by_additions(module: Module, x: Signal, weight: Signal) -> Signal:
    """x times weight, both signed, by an addition for each bit of the weight: as many clocks later."""
    bits = len(weight)
    product = None
    for place in range(bits):
        partial = Signal((len(x) + bits, True), reset_less=True, name=f"product{place}")
        term = Signal((len(x) + place, True), name=f"term{place}")
        module.comb += term.eq(Mux(weight[place], x << place, 0))
        if place == 0:
            module.sync += partial.eq(term)
        else:
            module.sync += partial.eq(product - term if place == bits - 1 else product + term)
        product = partial
        x = delayed(module, x, 1, name=f"x_{place}_")
        weight = delayed(module, weight, 1, name=f"weight_{place}_")
    return product
