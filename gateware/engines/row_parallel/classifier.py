"""The dense layer on one column of activations per clock: products from block RAM, adder trees, accumulators.

Activations have few bits, so products are looked up: the memory word at address (column, activation code)
holds the products of that code with the weights of all classes at that position. This needs no multipliers
and no memories for weights.
"""

from __future__ import annotations

from typing import List

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Signal

from gateware.cores.delay import delayed
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
        looked_up: List[List[Signal]] = [[] for _ in range(layer.fan_out)]
        for first in range(0, rows, 2):
            self._add_products(products[:, first : first + 2], first, width, looked_up)
        totals = [self._tree(terms) for terms in looked_up]
        depth = (rows - 1).bit_length()
        before = 3 + depth  # address, memory, its output register, tree
        begins, ends = Signal(), Signal()
        self.comb += [begins.eq(column == 0), ends.eq(sink.valid & (column == columns - 1))]
        begins = delayed(self, begins, before, name="begins")
        for number, (total, bias) in enumerate(zip(totals, layer.bias_q.tolist())):
            acc = getattr(source, f"y{number}")
            self.sync += If(begins, acc.eq(total + bias)).Else(acc.eq(total + acc))
        self.latency = before + 1
        self.comb += [sink.ready.eq(1), source.valid.eq(delayed(self, ends, self.latency, reset_less=False))]

    def _add_products(
        self, products: np.ndarray, first: int, width: int, looked_up: List[List[Signal]]
    ) -> None:
        """Add a memory for one or two rows of products, (classes, rows, columns, codes).

        A word holds the products of all classes. The product of each class is appended to its list in
        ``looked_up``.
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
        for place in range(rows):
            port = memory.get_port(mode=READ_FIRST)
            self.specials += port
            address = Signal(len(port.adr), reset_less=True, name=f"address{first + place}")
            # The block RAM's output register.
            word = Signal(classes * width, reset_less=True, name=f"word{first + place}")
            self.sync += [
                address.eq(Cat(getattr(self.sink, f"x{first + place}"), self.column, place)),
                word.eq(port.dat_r),
            ]
            self.comb += port.adr.eq(address)
            for number, terms in enumerate(looked_up):
                product = Signal((width, True), name=f"product{number}_{first + place}")
                self.comb += product.eq(word[width * number : width * (number + 1)])
                terms.append(product)

    def _tree(self, terms: List[Signal]) -> Signal:
        """Sum the terms by a tree with a register after every addition."""
        while len(terms) > 1:
            sums = []
            for place in range(0, len(terms), 2):
                pair = terms[place : place + 2]
                total = Signal((len(pair[0]) + len(pair) - 1, True), reset_less=True, name="tree")
                self.sync += total.eq(sum(pair[1:], pair[0]))
                sums.append(total)
            terms = sums
        return terms[0]


def product_width(layer: Layer, x_width: int) -> int:
    """Bits of a signal that holds the product of any weight with any code of x_width bits."""
    products = np.outer([layer.weights_q.min(), layer.weights_q.max()], code_range(x_width))
    return shape_of(min(int(products.min()), -1), int(products.max()))[0]
