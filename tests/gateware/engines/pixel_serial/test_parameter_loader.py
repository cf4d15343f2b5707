"""LOAD into the emitted engine: the end of a LOAD, and the state after a bad or abandoned one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import parameter_crc, parameter_words
from lst_overlay.network.lst.serial_format import FIELDS
from tests.gateware.engines.engine_bench import NETWORK, EngineBench, assert_right, lst1_random, random_images

IMAGE = parameter_words(NETWORK)
OTHER = lst1_random(2)


@pytest.fixture
def bench():
    return EngineBench()


def test_nothing_is_loaded_at_power_up(bench):
    assert bench.status == (0, 0, 0)


def test_crc_of_a_loaded_network_is_that_of_its_image(bench):
    bench.load(NETWORK)
    assert bench.status == (1, 0, parameter_crc(IMAGE))


def test_a_word_is_taken_every_third_clock(bench):
    bench.load_start()
    assert bench.load_words(IMAGE[:1001]) == 3001


def test_an_image_counts_from_its_last_word_on(bench):
    bench.load_start()
    bench.load_words(IMAGE[:-1])
    bench.clock(100)
    assert bench.status == (0, 0, 0)
    bench.load_words(IMAGE[-1:])
    bench.clock(3)
    assert bench.status == (1, 0, parameter_crc(IMAGE))


@settings(max_examples=10, deadline=None)
@given(pattern=st.lists(st.integers(0, 1), min_size=1, max_size=9).filter(any))
def test_gaps_between_parameters_do_not_matter(pattern):
    bench, images = EngineBench(), random_images(1)
    bench.load(OTHER, tuple(pattern))
    assert bench.status == (1, 0, parameter_crc(parameter_words(OTHER)))
    assert_right(bench.run(images), OTHER, images)


def test_words_after_an_image_change_nothing(bench):
    images = random_images(1)
    bench.load(NETWORK)
    bench.load_words(np.full(50, 0x1234567))
    bench.clock(8)
    assert bench.status == (1, 0, parameter_crc(IMAGE))
    assert_right(bench.run(images), NETWORK, images)


@pytest.mark.parametrize("words", [0, 1, 4, 5, 1839, len(IMAGE) - 1])
def test_an_abandoned_load_leaves_no_network(bench, words):
    bench.load(NETWORK)
    bench.load_start()
    bench.load_words(parameter_words(OTHER)[:words])
    bench.load_abandon()
    bench.clock(8)
    assert bench.status == (0, 0, 0)
    bench.load_words(IMAGE)  # No LOAD was started.
    bench.clock(8)
    assert bench.status == (0, 0, 0)


@pytest.mark.parametrize("words", [1, 3, 4, 786, len(IMAGE) - 1])
def test_the_load_after_an_abandoned_one_works(bench, words):
    images = random_images(1)
    bench.load_start()
    bench.load_words(parameter_words(OTHER)[:words])
    bench.load_abandon()
    bench.clock(8)
    bench.load(NETWORK)
    assert bench.status == (1, 0, parameter_crc(IMAGE))
    assert_right(bench.run(images), NETWORK, images)


def test_start_forgets_the_network_before(bench):
    bench.load(NETWORK)
    bench.load_start()
    bench.clock(1)
    assert bench.status == (0, 0, 0)


@pytest.mark.parametrize("first", [0, 0xFFFFFFFF, int(IMAGE[0]) ^ 1, int(IMAGE[0]) ^ 1 << 31])
def test_a_foreign_image_is_bad_and_never_loaded(bench, first):
    bench.load_start()
    bench.load_words([first])
    bench.clock(4)
    assert bench.status == (0, 1, 0)
    bench.load_words(IMAGE[1:])
    bench.clock(100)
    assert bench.status == (0, 1, 0)


def test_a_good_image_after_a_foreign_one_loads(bench):
    bench.load_start()
    bench.load_words(IMAGE[::-1])
    bench.clock(8)
    bench.load(NETWORK)
    assert bench.status == (1, 0, parameter_crc(IMAGE))


def test_the_magic_counts_only_as_first_word(bench):
    words = IMAGE.copy()
    words[1 + len(FIELDS) :] = IMAGE[0]
    bench.load_start()
    bench.load_words(words)
    bench.clock(8)
    assert bench.status[:2] == (1, 0)


def test_words_behind_the_parameters_take_a_clock_each(bench):
    bench.load(NETWORK)
    assert bench.load_words(np.zeros(1000)) == 1000
