"""A test bench for modules that take a vector in every clock and have no back-pressure."""

import numpy as np
from migen import run_simulation


def through(dut, vectors, row_counter=None):
    """Send ``vectors`` (N, lanes) in consecutive clocks, None for a clock without one.

    Returns the vectors that left, (M, lanes), and the clock of each, counted from the first vector sent.
    row_counter: (signal, size), which counts 0 .. size - 1 again and again and is 0 with the first vector.
    """
    out, clocks, lanes = [], [], _lanes(dut.sink, "x")

    def process():
        for clock in range(len(vectors) + 2 * dut.latency + 4):
            vector = vectors[clock] if clock < len(vectors) else None
            yield dut.sink.valid.eq(vector is not None)
            for lane, value in zip(lanes, vector if vector is not None else [0x55] * len(lanes)):
                yield lane.eq(int(value))
            if row_counter is not None:
                yield row_counter[0].eq(clock % row_counter[1])
            yield
            if (yield dut.source.valid):
                clocks.append(clock)
                out.append([])
                for lane in _lanes(dut.source, "y"):
                    out[-1].append((yield lane))

    run_simulation(dut, process())
    return np.array(out), clocks


def _lanes(endpoint, letter):
    names = [name for name, *_ in endpoint.description.payload_layout if name[0] == letter]
    return [getattr(endpoint, name) for name in names]
