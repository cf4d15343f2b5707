"""A constant matrix times a vector per clock: an AdderGraph with a register after each addition."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal, value_bits_sign

from gateware.cores.delay import delayed
from gateware.cores.widths import shape_of
from gateware.engines.row_parallel.adder_graph import AdderGraph, Term


class ConstantMatrix(LiteXModule):
    """source.y = matrix . sink.x + bias, ``latency`` clocks later.

    No back-pressure: ``ready`` is ignored on both sides.

    matrix:  (outputs, inputs) of integers. bias: (outputs,). x_range: the least and greatest x.
    sink:    x0, x1, .. (as many bits as x_range needs, signed if its lower end is negative).
    source:  y0, y1, .. (acc_width bits, signed).
    """

    def __init__(self, matrix: np.ndarray, bias: np.ndarray, x_range: Tuple[int, int], acc_width: int):
        graph = AdderGraph.of(matrix)
        self.latency = max(graph.depths) + 1
        self.sink = sink = stream.Endpoint(
            [(f"x{number}", shape_of(*x_range)) for number in range(graph.inputs)]
        )
        self.source = source = stream.Endpoint(
            [(f"y{number}", (acc_width, True)) for number in range(len(graph.outputs))]
        )

        # # #

        # For each signal a delay line as long as the latest use of the signal; all uses share it.
        lines: List[List[Signal]] = [[getattr(sink, f"x{number}")] for number in range(graph.inputs)]

        def shifted(term: Term, clock: int):
            line, age = lines[term.signal], clock - graph.depths[term.signal]
            while len(line) <= age:
                line.append(delayed(self, line[-1], 1, name=f"signal{term.signal}_{len(line)}"))
            if not term.shift:
                return line[age]
            # A signal of its own: in an expression of mixed signs, Verilog would cut the shifted value to the
            # width of its operand.
            width, signed = value_bits_sign(line[age])
            wide = Signal(
                (width + term.shift, signed), name=f"signal{term.signal}_{age}_times{1 << term.shift}"
            )
            self.comb += wide.eq(line[age] << term.shift)
            return wide

        for number, (addition, (low, high)) in enumerate(
            zip(graph.additions, graph.ranges(*x_range)[graph.inputs :]), graph.inputs
        ):
            clock = graph.depths[number] - 1
            positive, second = sorted(addition, key=lambda term: -term.sign)
            left, right = shifted(positive, clock), shifted(second, clock)
            total = Signal(shape_of(low, high), reset_less=True, name=f"signal{number}_0")
            self.sync += total.eq(left + right if second.sign > 0 else left - right)
            lines.append([total])
        for number, (term, constant) in enumerate(zip(graph.outputs, bias.tolist())):
            y = getattr(source, f"y{number}")
            if term is None:
                self.comb += y.eq(constant)
            else:
                sum_ = shifted(term, self.latency - 1)
                self.sync += y.eq(sum_ + constant if term.sign > 0 else constant - sum_)
        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]
