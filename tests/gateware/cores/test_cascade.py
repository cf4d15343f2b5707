"""Cascade in Migen's simulator: the product of matrix and vector equals NumPy's."""

import numpy as np
import pytest
from migen import run_simulation

from gateware.cores.cascade import Cascade
from lst_overlay.network import Axis, Layer

SIZE = 6


def layer(seed, weights_width=5, extreme=False):
    rng, high = np.random.default_rng(seed), (1 << weights_width - 1) - 1
    weights = (
        rng.choice([-high, high], (SIZE, SIZE)) if extreme else rng.integers(-high, high + 1, (SIZE, SIZE))
    )
    return Layer(Axis.ROWS, weights, rng.integers(-60, 61, SIZE), weights_width, 1.0)


def run(layers, ranges, lanes, vectors):
    """Send vectors, (layer, elements) or None for an idle clock; return their sums and latencies."""
    dut = Cascade(layers, ranges, lanes)
    beats = []
    for vector in vectors:
        beats += (
            [None]
            if vector is None
            else [(vector[0], vector[1][k : k + lanes]) for k in range(0, SIZE, lanes)]
        )
    out, entered, left = [], [], []

    def process():
        for clock in range(len(beats) + dut.latency + 2):
            beat = beats[clock] if clock < len(beats) else None
            yield dut.sink.valid.eq(beat is not None)
            yield dut.sink.layer.eq(0 if beat is None else beat[0])
            for lane in range(lanes):
                yield getattr(dut.sink, f"x{lane}").eq(-1 if beat is None else int(beat[1][lane]))
            if beat is not None:
                entered.append(clock)
            yield
            if (yield dut.source.valid):
                left.append(clock)
                out.append([])
                for lane in range(lanes):
                    out[-1].append((yield getattr(dut.source, f"y{lane}")))

    run_simulation(dut, process())
    assert [clock - dut.latency for clock in left] == entered
    return np.reshape(out, (-1, SIZE // lanes, lanes)).swapaxes(1, 2).reshape(-1, SIZE)


def vectors_for(ranges, which, seed):
    rng = np.random.default_rng(seed)
    return [
        None if number is None else (number, rng.integers(ranges[number][0], ranges[number][1] + 1, SIZE))
        for number in which
    ]


def assert_right(layers, ranges, lanes, vectors):
    expected = [
        layers[vector[0]].weights_q @ vector[1] + layers[vector[0]].bias_q
        for vector in vectors
        if vector is not None
    ]
    np.testing.assert_array_equal(run(layers, ranges, lanes, vectors), expected)


@pytest.mark.parametrize("lanes", [1, 2])
def test_vectors_back_to_back_and_after_pauses(lanes):
    ranges = [(-8, 7)]
    assert_right([layer(1)], ranges, lanes, vectors_for(ranges, [0, 0, None, 0, None, None, 0, 0], 2))


@pytest.mark.parametrize("lanes", [1, 2])
def test_two_matrices_one_after_the_other(lanes):
    layers, ranges = [layer(1), layer(2, weights_width=4)], [(0, 15), (-8, 7)]
    assert_right(layers, ranges, lanes, vectors_for(ranges, [0, 1, 1, None, 0, 1], 3))


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("high", [True, False])
def test_the_greatest_and_the_least_sums(lanes, high):
    """Some sums borrow from their neighbour in the same multiplier, others do not."""
    one, range_ = layer(4, extreme=True), (-8, 7)
    vectors = [(0, np.where((row > 0) == high, range_[1], range_[0])) for row in one.weights_q]
    assert_right([one], [range_], lanes, vectors)
