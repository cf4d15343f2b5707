"""The emitted streaming engine in Verilator against the reference: tensors, stalls, flushes, clocks."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateware.engines.resmlp_streaming.cost import cost, patches_of
from gateware.engines.resmlp_streaming.folding import fold
from gateware.engines.resmlp_streaming.stages import branches
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.gateware.engines.resmlp_streaming.bench import Bench, assert_every_tensor, assert_right

PICTURE = (32, 32, 3)
CORNERS = np.stack([np.full(PICTURE, value, np.uint8) for value in (0, 255, 127, 128)])
WIDE = {"weight_bits": 8, "code_bits": 8}
SMALL = random_array_network(1)
W5A6 = "resmlp_lerp_psa_h1_w5a6"


def interval_of(network, limit):
    """The interval of the folding for ``limit`` clocks, by its declaration."""
    found = branches(network)
    return cost(network, found, fold(found, limit, patches_of(network))).interval


@pytest.fixture(scope="module")
def small():
    """The engine of SMALL, for tests that leave it without an image."""
    return Bench(SMALL, 6_000)


# Values.


@pytest.mark.parametrize(
    "limit, sizes",
    [
        (6_000, {"blocks": 0}),
        (12_500, {"channels": 24, "hidden": 12, "blocks": 2}),
        (3_200, {"channels": 8, "hidden": 8, "entries": 16}),
        (20_000, {"channels": 20, "hidden": 36, "relu": True}),
        (9_300, {"channels": 12, "hidden": 12, "classes": 4, **WIDE}),
        (40_000, {"channels": 10, "hidden": 14, "relu": True, "weight_bits": 4, "entries": 8}),
    ],
    ids=str,
)
def test_every_tensor_is_the_references(limit, sizes):
    assert_every_tensor(Bench(random_array_network(3, **sizes), limit), random_pictures(3))


@pytest.mark.parametrize("relu", [False, True])
def test_every_tensor_is_exact_at_the_ends_of_all_ranges(relu):
    network = random_array_network(4, channels=16, hidden=24, relu=relu, extreme=True)
    assert_every_tensor(Bench(network, 8_000), np.concatenate([CORNERS, random_pictures(1)]))


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 999),
    channels=st.integers(1, 16).map(lambda half: 2 * half),
    hidden=st.integers(1, 16).map(lambda half: 2 * half),
    limit=st.sampled_from([8_200, 12_300, 25_000, 50_000]),
    relu=st.booleans(),
    extreme=st.booleans(),
    widths=st.sampled_from([{}, WIDE]),
)
def test_every_tensor_of_random_networks_and_foldings(seed, channels, hidden, limit, widths, **sizes):
    network = random_array_network(seed, channels=channels, hidden=hidden, **widths, **sizes)
    try:
        bench = Bench(network, limit)
    except NetworkError as error:  # the fewest inputs or divisors
        assert "no folding computes layer" in str(error)
        assume(False)
    assert_every_tensor(bench, random_pictures(3, seed))


@pytest.mark.slow
def test_every_tensor_of_the_shipped_network_and_its_interval():
    network = load_network(find(W5A6))
    bench = Bench(network, 25_000)
    assert_every_tensor(bench, np.stack([network.golden.image, *random_pictures(1)]))
    run = bench.run(random_pictures(24, 1))
    assert_right(run, network, random_pictures(24, 1))
    assert set(np.diff(run.done_at)[-8:]) == {24_576}


# Clocks.


@pytest.mark.parametrize(
    "limit, sizes",
    [
        (6_000, {}),
        (20_000, {"channels": 48, "hidden": 48}),
        (7_000, {"channels": 48, "hidden": 48}),
        (3_110, {"channels": 8, "hidden": 8}),
        (20_000, {"channels": 24, "hidden": 48, "relu": True, **WIDE}),
    ],
    ids=str,
)
def test_the_interval_is_the_declared_one(limit, sizes):
    network = random_array_network(5, **sizes)
    images = random_pictures(30)
    run = Bench(network, limit).run(images)
    assert_right(run, network, images)
    declared = interval_of(network, limit)
    assert declared <= limit and set(np.diff(run.done_at)[-8:]) == {declared}


# Streams.


@settings(max_examples=25, deadline=None)
@given(
    feed=st.lists(st.integers(0, 1), min_size=1, max_size=9).filter(any),
    take=st.lists(st.integers(0, 1), min_size=1, max_size=9).filter(any),
    count=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_any_pattern_of_stalls(small, feed, take, count, seed):
    images = random_pictures(count, seed)
    assert_right(small.run(images, feed=feed, take=take), SMALL, images)


def test_results_that_nobody_takes_stop_the_engine_and_none_is_lost(small):
    images = random_pictures(40)
    run = small.run(images, take=[0] * 999 + [1])  # a word in 1,000 clocks: fewer than the engine makes
    assert_right(run, SMALL, images)
    assert run.blocked > 0


def test_pixels_that_are_late_are_counted_and_nothing_else_changes(small):
    images = random_pictures(3)
    run = small.run(images, feed=[1] + [0] * 19)
    assert_right(run, SMALL, images)
    assert run.starved > 10_000 and run.blocked == 0


@pytest.mark.parametrize("clocks", [100, 3_000, 4_700, 9_000, 12_345, 13_600, 20_001])
def test_a_flush_drops_every_image(small, clocks):
    small.run(random_pictures(6, 1), limit=clocks)
    small.flush()
    images = random_pictures(3, 2)
    assert_right(small.run(images), SMALL, images)


def test_memories_begin_with_anything():
    for seed in (2, 3):
        images = random_pictures(2, seed)
        assert_right(Bench(SMALL, 6_000, seed=seed).run(images), SMALL, images)
