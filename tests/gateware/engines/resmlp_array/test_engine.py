"""The emitted array in Verilator against the integer reference: tensors, stalls, flushes, cycle counts."""

import dataclasses
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.engines.resmlp_array.engine import CREDITS
from lst_overlay.network import load_network, logits
from lst_overlay.network.resmlp import Matrix, array_parameters
from lst_overlay.network.resmlp.array_format import ARRAY, H2, INT8, ArrayFormat
from lst_overlay.network.resmlp.array_parameters import array_words
from lst_overlay.samples.shipped_networks import find
from tests import ROOT
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.gateware.engines.resmlp_array.bench import (
    RESULT_WORDS,
    Bench,
    assert_every_tensor,
    assert_right,
)

PICTURE = (32, 32, 3)
BYTES = 3072
CORNERS = np.stack([np.full(PICTURE, value, np.uint8) for value in (0, 255, 127, 128)])
WIDE = {"weight_bits": 8, "code_bits": 8}
SMALL = random_array_network(1)
SHORTEST = random_array_network(2, blocks=0)
OTHER = random_array_network(2, channels=32, hidden=16)


@pytest.fixture(scope="module")
def engine():
    """The array with SMALL loaded, for tests that leave it loaded."""
    bench = Bench()
    bench.load(SMALL)
    return bench


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture(scope="module")
def int8():
    """The array with two products in a multiplier."""
    return Bench(fmt=INT8)


def assert_tensors(bench, network, images):
    bench.load(network)
    assert_every_tensor(bench, network, images)


# Values.


@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": 96, "hidden": 96},
        {"channels": 96, "hidden": 48},
        {"channels": 96, "hidden": 96, "relu": True},
        {"channels": 40, "hidden": 24, "blocks": 2, "weight_bits": 4},
        {"channels": 128, "hidden": 128, "entries": 32},
        {"channels": 64, "hidden": 208, "relu": True},
        {"channels": 16, "hidden": 112, "entries": 16, "blocks": 3},
        {"channels": 7, "hidden": 3, "entries": 8, "classes": 4},
        {"channels": 80, "hidden": 80, "blocks": 0},
    ],
    ids=str,
)
def test_every_tensor_is_the_references(bench, sizes):
    assert_tensors(bench, random_array_network(3, **sizes), random_pictures(2))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("seed", [4, 5])
def test_every_tensor_is_exact_at_the_ends_of_all_ranges(bench, seed, relu):
    network = random_array_network(seed, channels=32, hidden=48, relu=relu, extreme=True)
    assert_tensors(bench, network, np.concatenate([CORNERS, random_pictures(1)]))


RANDOM = {
    "seed": st.integers(0, 999),
    "channels": st.integers(1, 48),
    "hidden": st.integers(1, 48),
    "blocks": st.integers(1, 2),
    "relu": st.booleans(),
    "extreme": st.booleans(),
}


@settings(max_examples=10, deadline=None)
@given(**RANDOM)
def test_every_tensor_of_random_networks(engine, seed, **sizes):
    try:
        assert_tensors(engine, random_array_network(seed, **sizes), random_pictures(2, seed))
    finally:
        engine.load(SMALL)


@settings(max_examples=6, deadline=None)
@given(**RANDOM)
def test_every_tensor_of_random_networks_with_two_products_in_a_multiplier(int8, seed, **sizes):
    assert_tensors(int8, random_array_network(seed, **sizes, **WIDE), random_pictures(2, seed))


OF_8_BITS = [find("resmlp_lerp_psa_h1_int8"), *sorted((ROOT / "networks").glob("resmlp_*.npz"))]


@pytest.mark.parametrize("path", OF_8_BITS, ids=lambda path: path.stem)
def test_every_tensor_of_the_networks_of_8_bits_that_come_along(int8, path):
    network = load_network(path)
    assert_tensors(int8, network, np.stack([network.golden.image, *random_pictures(1)]))


@pytest.mark.parametrize("weight, pixel", [(127, 0), (-127, 0), (127, 255), (-127, 255)])
def test_greatest_sums_of_two_products_are_exact(int8, weight, pixel):
    """All weights and all codes are at one end of their range."""
    network = random_array_network(7, channels=16, hidden=208, relu=True, extreme=True, **WIDE)
    layers = [
        dataclasses.replace(layer, weights_q=np.full_like(layer.weights_q, weight))
        if isinstance(layer, Matrix)
        else layer
        for layer in network.layers
    ]
    network = dataclasses.replace(network, layers=tuple(layers))
    assert_tensors(int8, network, np.full((1, *PICTURE), pixel, np.uint8))


@pytest.mark.slow
def test_every_tensor_in_other_widths():
    bench = Bench(fmt=ArrayFormat(4, 7))
    for extreme in (False, True):
        sizes = {"weight_bits": 4, "code_bits": 7, "entries": 32, "extreme": extreme}
        assert_tensors(bench, random_array_network(9, channels=32, **sizes), random_pictures(2))


@pytest.mark.parametrize("seed", range(1, 4))
def test_state_at_power_up_does_not_matter(seed):
    bench = Bench(seed)
    bench.load(SMALL)
    images = random_pictures(2, seed)
    assert_right(bench.run(images), SMALL, images)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_images(engine, count):
    images = random_pictures(count, count)
    assert_right(engine.run(images), SMALL, images)


# Stalls.

patterns = st.lists(st.integers(0, 1), min_size=1, max_size=7).filter(any).map(tuple)


@settings(max_examples=10, deadline=None)
@given(feed=patterns, take=patterns, seed=st.integers(0, 99))
def test_any_stalls_change_nothing(engine, feed, take, seed):
    images = random_pictures(3, seed)
    assert_right(engine.run(images, feed=feed, take=take), SMALL, images)


@pytest.mark.parametrize("network", [SMALL, SHORTEST], ids=["small", "shortest"])
def test_results_that_nobody_takes_block_the_array_and_are_not_lost(bench, network):
    """The two images that wait then follow one another at once, of SHORTEST before the head is free."""
    bench.load(network)
    images = random_pictures(9)
    held = bench.run(images, results=99, take=(0,), limit=70_000)
    assert held.taken == 0 and held.blocked > 0
    later = bench.run(images[:0], results=99, limit=70_000)
    complete = later.taken // RESULT_WORDS  # those whose pixels were sent
    assert CREDITS + 2 <= complete < len(images)
    np.testing.assert_array_equal(later.logits[:complete], logits(network, images[:complete]))
    bench.flush()
    assert_right(bench.run(images), network, images)


def test_missing_pixels_starve_the_array(engine):
    images = random_pictures(2)
    assert engine.run(images, feed=(1,) + 19 * (0,)).starved > 2 * BYTES
    assert engine.run(images[:1], take=(1, 0)).blocked == 0


# Flushes and LOAD.


@pytest.mark.parametrize("clocks", [100, 3000, 3300, 4000, 6500])
def test_a_flush_drops_images_and_keeps_the_network(engine, clocks):
    engine.run(random_pictures(3, 5), limit=clocks)
    engine.flush()
    images = random_pictures(2, 6)
    assert_right(engine.run(images), SMALL, images)


def test_networks_follow_one_another(bench):
    images = random_pictures(2)
    for network in (SMALL, OTHER, random_array_network(7, relu=True), SMALL):
        bench.load(network)
        assert_right(bench.run(images), network, images)


def test_parameters_with_another_magic_do_not_count(bench):
    words = array_words(SMALL, ARRAY)
    words[0] ^= 1
    assert bench.load_words(words) == 2


# Cycles.


def assert_cycles(bench, cycles, **sizes):
    network, images = random_array_network(8, channels=96, blocks=4, **sizes), random_pictures(3)
    bench.load(network)
    run = bench.run(images)
    assert_right(run, network, images)
    assert np.diff(run.done_at).tolist() == [cycles] * 2


@pytest.mark.parametrize(
    "sizes, cycles",
    [({"hidden": 96}, 26_180), ({"hidden": 48}, 18_548), ({"hidden": 96, "relu": True}, 26_180)],
    ids=str,
)
def test_cycles_of_an_image_of_the_largest_networks_are_as_promised(bench, sizes, cycles):
    assert_cycles(bench, cycles, **sizes)


@pytest.mark.slow
def test_a_network_with_twice_as_many_hidden_channels_in_a_larger_memory():
    bench, sizes = Bench(fmt=H2), {"hidden": 192, "relu": True}
    assert_cycles(bench, 44_612, **sizes)
    for extreme in (False, True):
        network = random_array_network(8, channels=96, blocks=4, extreme=extreme, **sizes)
        assert_tensors(bench, network, random_pictures(1))


def test_cycles_of_an_image_with_two_products_in_a_multiplier(int8):
    assert_cycles(int8, 52_292, hidden=96, **WIDE)


# The checks of the bench find what they are for.


def loaded_without_waits(bench, network, number):
    """Load a network whose pass ``number`` begins without its wait."""
    waits = array_parameters._waits

    def shortened(descriptors, fmt):
        found = waits(descriptors, fmt)
        assert found[number] > 0
        return [0 if place == number else wait for place, wait in enumerate(found)]

    with patch.object(array_parameters, "_waits", shortened):
        assert bench.load_words(array_words(network, bench.fmt)) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_pass_without_its_wait_reads_codes_too_early(bench, number):
    loaded_without_waits(bench, SMALL, number)
    assert bench.run(random_pictures(1)).early > 0


def test_a_pass_of_two_products_without_its_wait_reads_codes_too_early(int8):
    loaded_without_waits(int8, random_array_network(1, **WIDE), 2)
    assert int8.run(random_pictures(1)).early > 0


def test_a_pass_without_its_wait_overlaps_the_one_before(bench):
    loaded_without_waits(bench, random_array_network(8, channels=96, hidden=96, blocks=4), 0)
    assert bench.run(random_pictures(3)).overlaps > 0
