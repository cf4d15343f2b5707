"""A small MacArray in Migen's simulator: the sums equal NumPy's under any gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.cores.mac_array import MacArray, MacArrayConfig
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch

LUT_RAM = MacArrayConfig(lanes=5, depth=6, x_width=4, weight_width=5)
BLOCK_RAM = MacArrayConfig(lanes=3, depth=4, x_width=5, weight_width=4, block_ram=True)
both = pytest.mark.parametrize("cfg", [LUT_RAM, BLOCK_RAM], ids=["lut_ram", "block_ram"])


def random_codes(seed, shape, width):
    return np.random.default_rng(seed).integers(-(1 << width - 1), 1 << width - 1, shape)


def load(dut, cfg, weights):
    yield from feed(
        dut.load,
        [
            {"lane": lane, "address": address, "data": int(weight)}
            for lane, row in enumerate(weights)
            for address, weight in enumerate(row)
        ],
    )
    yield from idle(1)


def run(cfg, steps):
    """Run steps, ("load", weights) or ("vectors", x, gaps), and return the beats of the source."""
    dut, beats = MacArray(cfg), []

    def process():
        for step, data, *gaps in steps:
            if step == "load":
                yield from load(dut, cfg, data)
            else:
                yield from feed(dut.sink, [{"x": int(x)} for x in np.ravel(data)], *gaps)
        yield from idle(cfg.lanes + 12)

    simulate(dut, process(), watch(dut.source, beats))
    return beats


def sums(beats, cfg):
    return np.array(values(beats, "acc")).reshape(-1, cfg.lanes)


@both
def test_vectors_back_to_back(cfg):
    weights, x = (
        random_codes(1, (cfg.lanes, cfg.depth), cfg.weight_width),
        random_codes(2, (5, cfg.depth), cfg.x_width),
    )
    np.testing.assert_array_equal(sums(run(cfg, [("load", weights), ("vectors", x)]), cfg), x @ weights.T)


@pytest.mark.parametrize(
    "cfg",
    [MacArrayConfig(4, 4, 4, 4), MacArrayConfig(2, 2, 4, 4, block_ram=True), MacArrayConfig(9, 9, 3, 3)],
)
def test_results_fill_every_clock_when_lanes_equal_depth(cfg):
    weights, x = (
        random_codes(1, (cfg.lanes, cfg.depth), cfg.weight_width),
        random_codes(2, (6, cfg.depth), cfg.x_width),
    )
    beats = run(cfg, [("load", weights), ("vectors", x)])
    np.testing.assert_array_equal(sums(beats, cfg), x @ weights.T)
    assert np.all(np.diff([clock for clock, _ in beats]) == 1)


@both
def test_constant_weights_and_biases(cfg):
    weights, x = (
        random_codes(1, (cfg.lanes, cfg.depth), cfg.weight_width),
        random_codes(2, (4, cfg.depth), cfg.x_width),
    )
    biases, beats = random_codes(3, cfg.lanes, 7), []
    dut = MacArray(cfg, weights, biases)

    def process():
        yield from feed(dut.sink, [{"x": int(code)} for code in x.ravel()], [0, 2, 1])
        yield from idle(cfg.lanes + 12)

    simulate(dut, process(), watch(dut.source, beats))
    np.testing.assert_array_equal(sums(beats, cfg), x @ weights.T + biases)


@settings(max_examples=25, deadline=None)
@given(
    cfg=st.sampled_from([LUT_RAM, BLOCK_RAM]),
    gaps=st.lists(st.integers(0, 3), max_size=18),
    seed=st.integers(0, 99),
)
def test_gaps_change_no_sum(cfg, gaps, seed):
    weights, x = (
        random_codes(seed, (cfg.lanes, cfg.depth), cfg.weight_width),
        random_codes(seed + 1, (3, cfg.depth), cfg.x_width),
    )
    np.testing.assert_array_equal(
        sums(run(cfg, [("load", weights), ("vectors", x, gaps)]), cfg), x @ weights.T
    )


@both
def test_results_of_a_vector_come_without_gaps_lane_0_first(cfg):
    weights = np.zeros((cfg.lanes, cfg.depth), int)
    weights[:, -1] = np.arange(cfg.lanes)
    beats = run(cfg, [("load", weights), ("vectors", np.ones((1, cfg.depth)), [5] * cfg.depth)])
    assert values(beats, "acc") == list(range(cfg.lanes))
    assert np.all(np.diff([clock for clock, _ in beats]) == 1)


@both
def test_most_negative_codes_squared(cfg):
    weights = np.full((cfg.lanes, cfg.depth), -(1 << cfg.weight_width - 1))
    x = np.full((2, cfg.depth), -(1 << cfg.x_width - 1))
    assert (
        sums(run(cfg, [("load", weights), ("vectors", x)]), cfg)
        == cfg.depth << cfg.x_width + cfg.weight_width - 2
    ).all()


@both
def test_most_negative_times_most_positive(cfg):
    weights = np.full((cfg.lanes, cfg.depth), -(1 << cfg.weight_width - 1))
    x = np.full((2, cfg.depth), (1 << cfg.x_width - 1) - 1)
    np.testing.assert_array_equal(sums(run(cfg, [("load", weights), ("vectors", x)]), cfg), x @ weights.T)


@both
def test_a_load_between_vectors_changes_the_next_one_alone(cfg):
    old, new = (random_codes(seed, (cfg.lanes, cfg.depth), cfg.weight_width) for seed in (1, 2))
    x = random_codes(3, (2, cfg.depth), cfg.x_width)
    found = sums(run(cfg, [("load", old), ("vectors", x), ("load", new), ("vectors", x)]), cfg)
    np.testing.assert_array_equal(found, np.concatenate([x @ old.T, x @ new.T]))


@both
def test_a_load_reaches_its_own_lane_and_address_alone(cfg):
    weights, x = random_codes(1, (cfg.lanes, cfg.depth), cfg.weight_width), np.eye(cfg.depth, dtype=int)
    found = sums(run(cfg, [("load", weights), ("vectors", x)]), cfg)
    np.testing.assert_array_equal(found, weights.T)


def test_accumulators_hold_the_largest_sum_and_never_more_than_a_logit():
    assert MacArrayConfig(28, 28, x_width=9, weight_width=13).acc_width == 27
    assert MacArrayConfig(10, 784, x_width=13, weight_width=13).acc_width == 32


@pytest.mark.parametrize(
    "sizes, message",
    [
        ((1, 4, 4, 4), "lanes must be at least 2, not 1"),
        (
            (5, 4, 4, 4),
            r"depth must be at least lanes \(5\), so that results leave before the next ones are due, not 4",
        ),
        ((2, 4, 19, 4), "a DSP48E1 multiplies 18 by 25 bits, not 19 by 4"),
        ((2, 4, 18, 26), "a DSP48E1 multiplies 18 by 25 bits, not 18 by 26"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        MacArray(MacArrayConfig(*sizes))
