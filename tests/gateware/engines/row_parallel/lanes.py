"""Vectors into and out of modules that take one every clock and cannot be held."""

import numpy as np
from migen import run_simulation


def through(dut, vectors, phase=None):
    """vectors: (N, lanes) in consecutive clocks, or None where there is none. Returns what left, (M, lanes), and the clocks, from the first
    vector's, at which it did. phase: (signal, size), set to 0 .. size - 1 in turn, 0 with the first vector."""
    out, clocks, lanes = [], [], _lanes(dut.sink, "x")

    def process():
        for clock in range(len(vectors) + 2 * dut.latency + 4):
            vector = vectors[clock] if clock < len(vectors) else None
            yield dut.sink.valid.eq(vector is not None)
            for lane, value in zip(lanes, vector if vector is not None else [0x55] * len(lanes)):
                yield lane.eq(int(value))
            if phase is not None:
                yield phase[0].eq(clock % phase[1])
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
