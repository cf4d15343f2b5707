"""A constant matrix times a vector per clock: an AdderGraph with a register after each addition."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal

from gateware.cores.delay import delayed, keep_register
from gateware.cores.widths import shape_of
from gateware.engines.row_parallel.adder_graph import AdderGraph, Term
from gateware.engines.row_parallel.addition import Summand, registered_sum


class ConstantMatrix(LiteXModule):
    """source.y = matrix . sink.x + bias, ``latency`` clocks later, for one vector or several at once.

    No back-pressure: ``ready`` is ignored on both sides.

    matrix:  (outputs, inputs) of integers. bias: (outputs,). x_range: the least and greatest x.
    vectors: their number, each with adders of its own.
    sink:    x0, x1, .. (as many bits as x_range needs, signed if its lower end is negative), vector after
             vector.
    source:  y0, y1, .. (acc_width bits, signed), likewise.
    """

    def __init__(
        self, matrix: np.ndarray, bias: np.ndarray, x_range: Tuple[int, int], acc_width: int, vectors: int = 1
    ):
        graph = AdderGraph.of(matrix)
        outputs = len(graph.outputs)
        self.latency = max(graph.depths) + 1
        self.sink = sink = stream.Endpoint(
            [(f"x{number}", shape_of(*x_range)) for number in range(vectors * graph.inputs)]
        )
        self.source = source = stream.Endpoint(
            [(f"y{number}", (acc_width, True)) for number in range(vectors * outputs)]
        )

        # # #

        for vector in range(vectors):
            x = [getattr(sink, f"x{vector * graph.inputs + number}") for number in range(graph.inputs)]
            sums = self._sums(graph, x, bias.tolist(), x_range, acc_width)
            for number, (total, constant, terms) in enumerate(zip(sums, bias.tolist(), graph.outputs)):
                y = getattr(source, f"y{vector * outputs + number}")
                if total is None:
                    self.comb += y.eq(constant)
                else:
                    age = 1 + max(graph.depths[term.signal] for term in terms)
                    if age < self.latency:
                        keep_register(total)
                    self.comb += y.eq(delayed(self, total, self.latency - age, name=f"sum{number}_"))
        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]

    def _sums(
        self, graph: AdderGraph, x: List[Signal], bias: List[int], x_range: Tuple[int, int], acc_width: int
    ) -> List[Optional[Signal]]:
        """The sum of each output, as soon as it is there; None for an output without terms."""
        # For each signal a delay line as long as the latest use of the signal; all uses share it.
        lines: List[List[Signal]] = [[signal] for signal in x]

        def summed(terms: Sequence[Term], constant: int, shape: Tuple[int, bool], name: str) -> Signal:
            clock = max(graph.depths[term.signal] for term in terms)
            summands = []
            for term in terms:
                line, age = lines[term.signal], clock - graph.depths[term.signal]
                while len(line) <= age:
                    line.append(delayed(self, line[-1], 1, name=f"signal{term.signal}_{len(line)}"))
                if age:
                    keep_register(line[age])
                    if term.signal >= graph.inputs:
                        keep_register(line[0])
                summands.append(Summand(line[age], term.shift, term.sign))
            return registered_sum(self, summands, constant, shape, name)

        for number, (terms, span) in enumerate(
            zip(graph.additions, graph.ranges(*x_range)[graph.inputs :]), graph.inputs
        ):
            lines.append([summed(terms, 0, shape_of(*span), f"signal{number}_0")])
        return [
            summed(terms, constant, (acc_width, True), f"sum{number}") if terms else None
            for number, (terms, constant) in enumerate(zip(graph.outputs, bias))
        ]
