"""Transpose matrices, a row in and columns out in every clock, without storing whole matrices."""

from __future__ import annotations

from typing import List

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, Signal

from gateware.cores.delay import delayed


class RowTransposer(LiteXModule):
    """A row of a size x size matrix in, a column out, every clock; no back-pressure: ``ready`` is ignored.

    matrices: how many are transposed at once, side by side: of a matrix of size x (matrices size), columns k,
    size + k, 2 size + k, .. leave together.

    Lane j is delayed by j clocks, so at row counter t it holds element j of row t - j. Output lane k then
    selects lane (t - k) mod size, which holds element t - k of row k, and is delayed by size - 1 - k clocks
    more, so that all elements of a column leave together. The selection is a rotation of the lanes by t. It
    takes several steps, each with multiplexers of at most four inputs. Matrices may follow each other without
    a pause.

    row_counter: 0 .. size - 1, for ever; row r of a matrix is in ``sink`` when it is r.
    sink:        x0, x1, .. (width bits), matrix after matrix. source: y0, y1, .. (width bits), likewise;
                 column k leaves ``latency`` clocks after row k has entered.
    """

    def __init__(self, size: int, width: int, matrices: int = 1):
        self.row_counter = row_counter = Signal(max=size)
        self.sink = sink = stream.Endpoint([(f"x{lane}", width) for lane in range(matrices * size)])
        self.source = source = stream.Endpoint([(f"y{lane}", width) for lane in range(matrices * size)])

        # # #

        steps = rotation_steps(size)
        selects = [
            delayed(self, row_counter[low:high], number, name=f"select{number}_")
            for number, (low, high) in enumerate(steps)
        ]
        for first in range(0, matrices * size, size):
            x, y = (
                [getattr(endpoint, f"{letter}{first + lane}") for lane in range(size)]
                for endpoint, letter in ((sink, "x"), (source, "y"))
            )
            self._transpose(x, y, steps, selects)
        self.latency = size - 1 + len(steps)
        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]

    def _transpose(self, x: List[Signal], y: List[Signal], steps: List[tuple], selects: List[Signal]) -> None:
        size, width = len(x), len(x[0])
        skewed = [delayed(self, signal, lane, name=f"skew{lane}_") for lane, signal in enumerate(x)]
        lanes = [skewed[-lane % size] for lane in range(size)]  # what is left is to rotate lane k by t
        for number, ((low, high), select) in enumerate(zip(steps, selects)):
            rotated: List[Signal] = []
            for lane in range(size):
                out = Signal(width, reset_less=True, name=f"rotated{number}_{lane}")
                inputs = range(min(1 << (high - low), -(-size >> low)))
                cases = {i: out.eq(lanes[(lane - (i << low)) % size]) for i in inputs}
                self.sync += Case(select, {**cases, "default": out.eq(lanes[lane])})
                rotated.append(out)
            lanes = rotated
        for lane, signal in enumerate(y):
            out = lanes[lane]
            if lane < size - 1:
                out = delayed(self, out, size - 2 - lane, name=f"deskew{lane}_")
                # With a reset, the last register is not the end of a shift register, whose output is later.
                out = delayed(self, out, 1, name=f"deskewed{lane}", reset_less=False)
            self.comb += signal.eq(out)


def rotation_steps(size: int) -> List[tuple]:
    """The bits (low, high) of the row counter by which each step rotates, the highest bits first.

    A step has two bits, hence multiplexers of four inputs, which take one LUT6 per bit of a lane.
    """
    bits = (size - 1).bit_length()
    steps = [(low, min(low + 2, bits)) for low in range(0, bits, 2)]
    return steps[::-1]
