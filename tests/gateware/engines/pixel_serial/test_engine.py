"""The emitted engine in Verilator against the integer reference: networks, stalls, flushes, cycle counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.designs import ENGINES
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.lst.chains import chain_network, chains
from tests.driver.network.lst.networks import corner_networks, lst1
from tests.driver.random_network import corner_lst1, with_channel_tables, with_classes
from tests.gateware.engines.engine_bench import (
    CREDITS,
    NETWORK,
    RESULT_WORDS,
    STEADY,
    EngineBench,
    assert_right,
    lst1_random,
    random_images,
)

CHANNEL_NETWORK = with_channel_tables(NETWORK, 0, 1)
# Three pairs of layers and a sum; no bank of weights serves two passes.
DEEP_NETWORK = chain_network(3, features=((28, 28),) * 3, adds={5: 1})
DEPTHS = {
    "LST-1": load_network(find("lst1_w6a4p4")),
    "LST-2": load_network(find("lst2_w6a4p4")),
    "ResLST-3": load_network(find("reslst3_w6a4p4")),
}
# Cycles from an image's last pixel to its class, when neither side stalls.
LATENCY = 887
WEIGHTS_CYCLES = 1000  # enough for the weights of the first pass to reach their lanes
IMAGE_CYCLES = 784


patterns = st.lists(st.integers(0, 1), min_size=1, max_size=7).filter(any).map(tuple)


@pytest.fixture(scope="module")
def engine():
    """The engine with NETWORK loaded, for tests that leave it loaded."""
    bench = EngineBench()
    bench.load(NETWORK)
    bench.clock(WEIGHTS_CYCLES)
    return bench


@pytest.fixture(scope="module")
def shapes():
    """The engine for tests that load their networks."""
    return EngineBench()


@pytest.fixture(scope="module")
def channel_engine():
    """The engine with CHANNEL_NETWORK loaded, for tests that leave it loaded."""
    bench = EngineBench()
    bench.load(CHANNEL_NETWORK)
    bench.clock(WEIGHTS_CYCLES)
    return bench


# Values.


@pytest.mark.parametrize(
    "sizes",
    [
        {"weights_width": 13, "width": 6, "shift": 12},
        {"weights_width": 6, "width": 4, "index_width": 7, "shift": 3},
        {"weights_width": 2, "width": 13, "index_width": 10, "shift": 0, "pixel_bits": 1},
        {"weights_width": 10, "width": 9, "index_width": 1, "shift": 9, "pixel_bits": 5},
        {"weights_width": 8, "width": 1, "index_width": 5, "shift": 31, "pixel_bits": 2},
        {"width": 12, "weights_width": 5, "shift": 17},
    ],
)
def test_engine_equals_the_reference_for_every_format(sizes):
    network, images = lst1_random(7, **sizes), random_images(4, 3)
    bench = EngineBench()
    bench.load(network)
    assert_right(bench.run(images), network, images)


@pytest.mark.parametrize("number, network", list(enumerate(corner_networks())))
def test_engine_is_exact_for_the_most_extreme_codes(number, network):
    images = np.concatenate(
        [np.full((1, 28, 28), value, np.uint8) for value in (255, 0, 127, 128)] + [random_images(2, number)]
    )
    bench = EngineBench()
    bench.load(network)
    assert_right(bench.run(images), network, images)


@pytest.mark.parametrize("index_width", [1, 3, 8])
@pytest.mark.parametrize("numbers", [(0,), (1,), (0, 1)])
def test_engine_equals_the_reference_with_tables_for_each_channel(numbers, index_width):
    network, images = (
        with_channel_tables(lst1_random(7), *numbers, index_width=index_width),
        random_images(4, 3),
    )
    bench = EngineBench()
    bench.load(network)
    assert_right(bench.run(images), network, images)


@pytest.mark.parametrize("per_channel", [True, False])
def test_engine_is_exact_beyond_both_ends_of_the_index(per_channel):
    images = np.concatenate(
        [np.full((1, 28, 28), value, np.uint8) for value in (0, 255)] + [random_images(6)]
    )
    bench, network = EngineBench(), corner_lst1(per_channel)
    bench.load(network)
    assert_right(bench.run(images), network, images)


def widest(weight, entry, low, high):
    """Make an LST-1 network of equal weights and entries with the largest possible bias, by bisection."""
    while high - low > 1:
        middle = (low + high) // 2
        try:
            lst1(weight, middle, entry)
            low = middle
        except NetworkError:
            high = middle
    return lst1(weight, low, entry)


@pytest.mark.parametrize(
    "weight, entry", [(-330, -4096), (330, -4096), (-4095, -333), (4095, -333), (-330, 4095), (4095, 330)]
)
def test_engine_is_exact_at_the_limit_of_31_bits(weight, entry):
    network = widest(weight, entry, 0, 2**30)
    images = np.stack([np.full((28, 28), 255, np.uint8), np.zeros((28, 28), np.uint8)])
    bench = EngineBench()
    bench.load(network)
    assert_right(bench.run(images), network, images)


def test_equal_logits_give_the_lowest_class():
    network, images = lst1(1, 0, 1), random_images(2)
    bench = EngineBench()
    bench.load(network)
    run = bench.run(images)
    assert (run.logits == 784).all() and (run.classes == 0).all()


@pytest.mark.parametrize("seed", range(1, 5))
def test_state_at_power_up_does_not_matter(seed):
    bench, images = EngineBench(seed), random_images(2, seed)
    bench.load(NETWORK)
    assert_right(bench.run(images), NETWORK, images)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_engine_classifies_any_number_of_images(engine, count):
    images = random_images(count, count)
    assert_right(engine.run(images), NETWORK, images)


# Shapes and depths.


@settings(max_examples=25, deadline=None)
@given(network=chains())
def test_engine_equals_the_reference_for_every_shape_and_depth(shapes, network):
    """One network after another, without a reset."""
    shapes.load(network)
    images = np.random.default_rng(0).integers(0, 256, (4, *network.image_shape), dtype=np.uint8)
    run = shapes.run(images)
    assert_right(run, network, images)


@pytest.mark.parametrize("kind, cycles", [("LST-1", 784), ("LST-2", 1568), ("ResLST-3", 2352)])
def test_cycles_of_an_image_grow_with_the_pairs_of_layers_alone(kind, cycles):
    bench, images = EngineBench(), random_images(10)
    bench.load(DEPTHS[kind])
    run = bench.run(images)
    assert_right(run, DEPTHS[kind], images)
    done = run.done_at[:, -1]
    assert (done[4:] - done[2:-2] == 2 * cycles).all()


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_deep_network_is_right_under_any_stalls_and_after_a_flush(shapes, data):
    """The flush may come at any time."""
    shapes.load(DEEP_NETWORK)
    feed, take = data.draw(patterns), data.draw(patterns)
    images = random_images(3, data.draw(st.integers(0, 99)))
    shapes.run(images, results=0, limit=data.draw(st.integers(1, 8000)))
    shapes.flush()
    assert_right(shapes.run(images, feed=feed, take=take), DEEP_NETWORK, images)


# Stalls.


@settings(max_examples=25, deadline=None)
@given(feed=patterns, take=patterns, seed=st.integers(0, 99))
def test_engine_is_right_under_any_stalls(engine, feed, take, seed):
    images = random_images(3, seed)
    run = engine.run(images, feed=feed, take=take)
    assert_right(run, NETWORK, images)
    assert run.changed == 0


@settings(max_examples=25, deadline=None)
@given(feed=patterns, take=patterns, seed=st.integers(0, 99))
def test_channels_keep_their_tables_under_any_stalls(channel_engine, feed, take, seed):
    images = random_images(3, seed)
    assert_right(channel_engine.run(images, feed=feed, take=take), CHANNEL_NETWORK, images)


def test_results_hold_under_backpressure(engine):
    images = random_images(2)
    run = engine.run(images, take=(0,) * 97 + (1,))
    assert_right(run, NETWORK, images)
    assert run.changed == 0


def test_no_result_is_lost_when_the_output_is_blocked_for_long(engine):
    images = random_images(3 * CREDITS, 5)
    run = engine.run(images, take=(0,) * 10_000 + STEADY * 2_000_000, limit=50_000)
    assert_right(run, NETWORK, images)
    assert run.changed == 0 and run.blocked > 5_000


def test_a_blocked_output_admits_as_many_images_as_there_are_credits():
    """The pixels of two more images have room."""
    bench = EngineBench()
    bench.load(NETWORK)
    run = bench.run(random_images(CREDITS + 3), take=(0,), limit=12 * 784)
    assert (run.fed, run.taken) == ((CREDITS + 2) * 784, 0)
    assert 5 * 784 < run.blocked < 12 * 784 - CREDITS * 784


def test_results_come_without_further_pixels(engine):
    """The results of the last image do not wait for pixels of a next image."""
    images = random_images(1, 9)
    assert_right(engine.run(images, limit=784 + LATENCY), NETWORK, images)


def test_starved_counts_the_cycles_without_a_pixel(engine):
    """A row is multiplied once all of it is there: 27 rows while the pixels of the next one arrive."""
    run = engine.run(random_images(1), feed=(0, 1), results=0)
    engine.flush()
    engine.clock(4)
    assert (run.fed, run.blocked) == (784, 0) and abs(run.starved - (2 * 784 - 27 * 28)) < 28


# Cycles that the documents promise.


def test_images_follow_each_other_by_784_cycles(engine):
    run = engine.run(random_images(20))
    assert (np.diff(run.done_at, axis=0) == IMAGE_CYCLES).all()
    assert run.blocked == 0


def test_tables_for_each_channel_cost_no_cycles(channel_engine):
    run = channel_engine.run(random_images(3))
    assert run.done_at[0, 10] == 783 + LATENCY and (np.diff(run.done_at, axis=0) == IMAGE_CYCLES).all()


def test_latency_is_constant(engine):
    assert engine.run(random_images(1)).done_at[0, 10] == 783 + LATENCY
    assert (np.diff(engine.run(random_images(1)).done_at[0]) == 1).all()


# Flush.


@pytest.mark.parametrize("cycles", [8, 17])
@pytest.mark.parametrize("pixels", [1, 27, 400, 783, 784])
def test_flush_forgets_an_image_that_is_not_complete(engine, pixels, cycles):
    engine.run(random_images(1, 1).reshape(-1)[:pixels], results=0)
    engine.flush(cycles)
    images = random_images(2, 2)
    assert_right(engine.run(images), NETWORK, images)


@pytest.mark.parametrize("pixels", [1, 27, 400, 783, 784, 2000])
def test_after_a_flush_the_channels_begin_anew(channel_engine, pixels):
    channel_engine.run(random_images(3, 1).reshape(-1)[:pixels], results=0)
    channel_engine.clock(50)
    channel_engine.flush()
    images = random_images(2, 2)
    assert_right(channel_engine.run(images), CHANNEL_NETWORK, images)


@pytest.mark.parametrize("idle", [0, 1, 40, 80, 110, 120, 500, 784, 860, 880, 3000])
def test_flush_forgets_images_in_every_stage(engine, idle):
    engine.run(random_images(4, 1), take=(0,), limit=4 * 784 - 5)
    engine.clock(idle)
    engine.flush()
    assert engine.run([], results=RESULT_WORDS, limit=5000).taken == 0
    images = random_images(2, 2)
    assert_right(engine.run(images), NETWORK, images)


def test_flush_gives_all_credits_back(engine):
    engine.run(random_images(CREDITS, 1), take=(0,), limit=9000)
    engine.flush()
    engine.clock(4)
    images = random_images(CREDITS + 1)
    run = engine.run(images, take=(0,) * 9000 + STEADY * 10_000, limit=19_000)
    assert_right(run, NETWORK, images)
    assert run.blocked > 1000


def test_flush_keeps_the_network(engine):
    before = engine.status
    engine.flush()
    assert engine.status == before and before[0] == 1


def test_one_table_for_all_channels_and_one_for_each_replace_each_other():
    bench, images = EngineBench(), random_images(2)
    networks = [NETWORK, *(with_channel_tables(NETWORK, *numbers) for numbers in ((0,), (1,), (0, 1)))]
    for number in (0, 1, 2, 3, 0, 3, 1, 0, 2, 0):
        bench.load(networks[number])
        assert_right(bench.run(images), networks[number], images)


def test_another_network_needs_no_reset():
    bench, images = EngineBench(), random_images(2)
    for seed in (1, 2, 1):
        network = lst1_random(seed, pixel_bits=8 - seed, shift=5 + seed)
        bench.load(network)
        assert_right(bench.run(images), network, images)


@pytest.mark.parametrize("name", [name for name, spec in ENGINES.items() if spec.family == "lst"])
def test_every_engine_takes_fewer_classes(name):
    of_ten = load_network(find(ENGINES[name].network))
    classifier = of_ten.layers[-1]
    ENGINES[name].check(with_classes(of_ten, classifier.weights_q[:5], classifier.bias_q[:5]))
