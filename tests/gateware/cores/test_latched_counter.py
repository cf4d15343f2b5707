"""LatchedCounter in Migen's simulator, beside a plain count."""

import random

from gateware.cores.latched_counter import LatchedCounter
from tests.gateware.streams import simulate


def kept(half_width, steps):
    """Run (counts, clear, latch) of each clock and return (what was kept, the plain count) of each latch."""
    dut, count, expected, found = LatchedCounter(half_width), 0, {}, {}

    def process():
        nonlocal count
        for clock, (counts, clear, latch) in enumerate([*steps, *[(0, 0, 0)] * 3]):
            yield dut.counts.eq(counts)
            yield dut.clear.eq(clear)
            yield dut.latch.eq(latch)
            if latch:
                expected[clock] = count
            yield
            found[clock] = ((yield dut.low), (yield dut.high))
            count = 0 if clear else (count + counts) % (1 << 2 * half_width)

    simulate(dut, process())
    # A value that is set before ``yield`` is seen in the clock after it.
    return [
        (found[clock + 1][0] + (found[clock + 2][1] << half_width), value)
        for clock, value in expected.items()
        if not steps[clock + 1 : clock + 2] or not steps[clock + 1][2]
    ]


def assert_kept(half_width, steps):
    pairs = kept(half_width, steps)
    assert pairs and [found for found, _ in pairs] == [value for _, value in pairs]


def test_the_high_half_counts_what_the_low_half_carries():
    assert_kept(2, [(1, 0, clock % 2) for clock in range(40)])


def test_a_count_may_be_kept_in_the_clock_that_clears_it():
    for clear in range(2, 9):
        steps = [(1, int(clock == clear), int(clock in (clear, clear + 4))) for clock in range(16)]
        assert_kept(2, steps)


def test_any_order_of_pauses_clears_and_latches():
    rng = random.Random(1)
    assert_kept(3, [(rng.random() < 0.9, rng.random() < 0.02, rng.random() < 0.2) for _ in range(400)])
