"""The dense layer on one column of activations per clock: products from block RAM, summed by DSP48E1.

Activations have few bits, so products are looked up: the memory word at address (column, activation code)
holds the products of that code with the weights of all classes at that position. This needs no multipliers
and no memories for weights. Two cascades of DSP48E1 for every four classes sum the products of the upper and
of the lower rows; only the sum over the columns takes logic.
"""

from __future__ import annotations

from typing import List

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Signal

from gateware.cores.delay import delayed
from gateware.cores.simd_cascade import LANES, SimdCascade
from gateware.cores.widths import shape_of
from lst_overlay.network import Layer, code_range


class Classifier(LiteXModule):
    """The logits of a matrix of activations that arrives column by column.

    No back-pressure: ``ready`` is ignored on both sides. The weight of class c for row p and column o is
    weights_q[c, p * columns + o].

    column: the number of the column in ``sink``; a counter 0 .. columns - 1 that never stops.
    sink:   x0, x1, .. (x_width bits, signed), a column.
    source: y0, y1, .. (acc_width bits, signed), the logits.
    """

    def __init__(self, layer: Layer, rows: int, columns: int, x_width: int, acc_width: int):
        self.column = column = Signal(max=columns)
        self.sink = sink = stream.Endpoint([(f"x{row}", (x_width, True)) for row in range(rows)])
        self.source = source = stream.Endpoint(
            [(f"y{number}", (acc_width, True)) for number in range(layer.fan_out)]
        )

        # # #

        # (classes, rows, columns, codes): codes in the order of their bit patterns, by which the memory is
        # addressed.
        low, high = code_range(x_width)
        products = layer.weights_q.reshape(layer.fan_out, rows, columns, 1) * np.r_[0 : high + 1, low:0]
        width = product_width(layer, x_width)
        parts = cascades(rows)
        length = max(map(len, parts))
        # A block of a cascade adds two rows, a clock later than the block before it.
        delays = {first: length - len(part) + place for part in parts for place, first in enumerate(part)}
        column_at = [delayed(self, column, clocks, name=f"column{clocks}_") for clocks in range(length)]
        words = {
            first: self._add_products(products[:, first : first + 2], first, width, column_at[delay], delay)
            for first, delay in delays.items()
        }
        sums: List[List[Signal]] = [[] for _ in range(layer.fan_out)]
        for number, part in enumerate(parts):
            for start in range(0, layer.fan_out, LANES):
                terms = [[word[start : start + LANES] for word in words[first]] for first in part]
                cascade = SimdCascade(terms)
                setattr(self, f"cascade{number}_{start}", cascade)
                for total, sum_ in zip(sums[start:], cascade.sums):
                    total.append(sum_)
        before = 2 + length + 1  # address, memory, cascade
        begins, ends = Signal(), Signal()
        self.comb += [begins.eq(column == 0), ends.eq(sink.valid & (column == columns - 1))]
        # With a reset, the last register is not the end of a shift register, which is too slow for its loads.
        begins = delayed(self, begins, before - 1, name="begins")
        begins = delayed(self, begins, 1, name="begins_last", reset_less=False)
        for number, (halves, bias) in enumerate(zip(sums, layer.bias_q.tolist())):
            acc = getattr(source, f"y{number}")
            base = Signal((acc_width, True), name=f"base{number}")
            self.comb += If(begins, base.eq(bias)).Else(base.eq(acc))
            self.sync += acc.eq(sum(halves, base))
        self.latency = before + 1
        self.comb += [sink.ready.eq(1), source.valid.eq(delayed(self, ends, self.latency, reset_less=False))]

    def _add_products(
        self, products: np.ndarray, first: int, width: int, column: Signal, delay: int
    ) -> List[List[Signal]]:
        """Add a memory for one or two rows of products, (classes, rows, columns, codes).

        A word holds the products of all classes. Returns, for each row, its products with all classes, whose
        column has been late by ``delay`` clocks.
        """
        classes, rows, columns, codes = products.shape
        padded = np.zeros((classes, rows, 1 << len(self.column), codes), np.int64)
        padded[:, :, :columns] = products & ((1 << width) - 1)
        words = [
            sum(part << width * number for number, part in enumerate(word))
            for word in padded.reshape(classes, -1).T.tolist()
        ]
        memory = Memory(classes * width, len(words), init=words, name=f"products{first}")
        self.specials += memory
        looked_up: List[List[Signal]] = []
        for place in range(rows):
            port = memory.get_port(mode=READ_FIRST)
            self.specials += port
            address = Signal(len(port.adr), reset_less=True, name=f"address{first + place}")
            code = delayed(self, getattr(self.sink, f"x{first + place}"), delay, name=f"code{first + place}_")
            self.sync += address.eq(Cat(code, column, place))
            self.comb += port.adr.eq(address)
            looked_up.append([])
            for number in range(classes):
                product = Signal((width, True), name=f"product{number}_{first + place}")
                self.comb += product.eq(port.dat_r[width * number : width * (number + 1)])
                looked_up[-1].append(product)
        return looked_up


def cascades(rows: int) -> List[List[int]]:
    """The rows whose products each cascade adds: the first row of each pair."""
    pairs = list(range(0, rows, 2))
    half = -(-len(pairs) // 2)
    return [part for part in (pairs[:half], pairs[half:]) if part]


def product_width(layer: Layer, x_width: int) -> int:
    """Bits of a signal that holds the product of any weight with any code of x_width bits."""
    products = np.outer([layer.weights_q.min(), layer.weights_q.max()], code_range(x_width))
    return shape_of(min(int(products.min()), -1), int(products.max()))[0]


def greatest_partial_sum(layer: Layer, rows: int, x_width: int) -> int:
    """The greatest magnitude of a sum of a cascade, for any column of codes of x_width bits."""
    weights = layer.weights_q.reshape(layer.fan_out, rows, -1)
    sums = []
    for part in cascades(rows):
        ends = [weights[:, part[0] : part[-1] + 2] * code for code in code_range(x_width)]
        sums += [np.maximum(*ends).sum(axis=1).max(), -np.minimum(*ends).sum(axis=1).min()]
    return int(max(sums))
