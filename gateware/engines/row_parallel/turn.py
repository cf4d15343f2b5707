"""The turn from rows to columns without a stall: lanes delayed, rotated, delayed again."""

from __future__ import annotations

from typing import List

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, Signal

from gateware.cores.delay import delayed


class Turn(LiteXModule):
    """A row of a size x size matrix in, a column out, every clock.

    Lane j waits j clocks, so that in phase t it holds element j of row t - j. Lane k then takes lane (t - k) mod size, which holds
    row k, element t - k, and waits size - 1 - k clocks more: the elements of a column leave together. A rotation by t, in steps of at
    most four ways, is all the multiplexing there is, and matrices may follow each other at once.

    phase:  0 .. size - 1 in turn, for ever; row r of a matrix is in ``sink`` in phase r.
    sink:   x0, x1, .. (width bits). source: y0, y1, .. the same, ``latency`` clocks after the row of that number.
    """

    def __init__(self, size: int, width: int):
        self.phase = phase = Signal(max=size)
        self.sink = sink = stream.Endpoint([(f"x{lane}", width) for lane in range(size)])
        self.source = source = stream.Endpoint([(f"y{lane}", width) for lane in range(size)])

        # # #

        skewed = [delayed(self, getattr(sink, f"x{lane}"), lane, name=f"skew{lane}_") for lane in range(size)]
        lanes = [skewed[-lane % size] for lane in range(size)]  # now lane k takes lane k - t
        steps = rotation_steps(size)
        for number, (low, high) in enumerate(steps):
            select = delayed(self, phase[low:high], number, name=f"select{number}_")
            rotated: List[Signal] = []
            for lane in range(size):
                out = Signal(width, reset_less=True, name=f"rotated{number}_{lane}")
                ways = range(min(1 << (high - low), -(-size >> low)))
                choices = {way: out.eq(lanes[(lane - (way << low)) % size]) for way in ways}
                self.sync += Case(select, {**choices, "default": out.eq(lanes[lane])})
                rotated.append(out)
            lanes = rotated
        for lane in range(size):
            self.comb += getattr(source, f"y{lane}").eq(
                delayed(self, lanes[lane], size - 1 - lane, name=f"deskew{lane}_")
            )
        self.latency = size - 1 + len(steps)
        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]


def rotation_steps(size: int) -> List[tuple]:
    """(low, high) bits of the rotation that each step takes, two for a LUT6 per bit, the coarse ones first."""
    bits = (size - 1).bit_length()
    steps = [(low, min(low + 2, bits)) for low in range(0, bits, 2)]
    return steps[::-1]
