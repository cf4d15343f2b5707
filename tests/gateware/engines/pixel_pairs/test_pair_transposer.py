"""PairTransposer in Migen's simulator."""

import numpy as np
import pytest
from migen import run_simulation

from gateware.cores.delay import delayed
from gateware.engines.pixel_pairs.pair_transposer import PairTransposer


def run(matrices, gaps, banks=2, waits=0):
    """Send matrices, (N, size, size), and return their columns, (N, size, size), and the clocks of these.

    gaps: clocks without data before each pair, repeated. waits: clocks from ``complete`` to ``start``.
    """
    count, size, _ = matrices.shape
    dut, out, clocks = PairTransposer(size, 7, banks), [], []
    dut.comb += dut.start.eq(delayed(dut, dut.complete, waits))
    pairs = matrices.reshape(-1, 2, size // 2).swapaxes(1, 2).reshape(-1, 2)

    def feed():
        for number, (left, right) in enumerate(pairs.tolist()):
            for _ in range(gaps[number % len(gaps)]):
                yield
            yield dut.sink.x0.eq(left)
            yield dut.sink.x1.eq(right)
            yield dut.sink.valid.eq(1)
            yield
            yield dut.sink.valid.eq(0)
            yield dut.sink.x0.eq(-1)

    def watch():
        for clock in range((1 + max(gaps)) * (len(pairs) + size * size) + waits):
            yield
            if (yield dut.source.valid):
                clocks.append(clock)
                out.append(((yield dut.source.y0), (yield dut.source.y1)))

    run_simulation(dut, [feed(), watch()])
    return np.reshape(out, (count, size, size)), clocks


@pytest.mark.parametrize("size", [4, 6])
@pytest.mark.parametrize("gaps", [(0,), (0, 2, 1), (3,)])
def test_columns_leave_in_pairs_without_a_pause(size, gaps):
    matrices = np.random.default_rng(size).integers(-64, 64, (4, size, size))
    columns, clocks = run(matrices, gaps)
    np.testing.assert_array_equal(columns, matrices.swapaxes(1, 2))
    spans = np.reshape(clocks, (4, -1))
    assert (np.diff(spans, axis=1) == 1).all()


def test_four_banks_hold_a_matrix_while_two_others_arrive_and_a_third_begins():
    matrices = np.random.default_rng(1).integers(-64, 64, (9, 6, 6))
    columns, clocks = run(matrices, (0,), banks=4, waits=2 * 18)
    np.testing.assert_array_equal(columns, matrices.swapaxes(1, 2))
    assert clocks[0] == 18 + 2 * 18 + PairTransposer.latency  # complete a clock after the last codes
