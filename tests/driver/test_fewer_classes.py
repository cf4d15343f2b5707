"""Networks of fewer than ten classes on the loadable engine: classes and logits equal the reference."""

import dataclasses

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay.network import classify, load_network, logits, save_network
from lst_overlay.simulator.board import SimulatedBoard
from tests.driver.random_network import random_images, random_lst1, with_classes

RANDOM = random_lst1(1)
LEAST_BIAS = -(2**30) + 128 * 127 * 784  # no accumulator of 31 bits can overflow with it


def classifier(classes, bias, spread=127):
    weights_q = np.random.default_rng(0).integers(-spread, spread + 1, (classes, 784))
    return with_classes(RANDOM, weights_q, np.full(classes, bias, dtype=np.int64))


CASES = {
    "two classes": classifier(2, 0),
    "nine classes": classifier(9, 2000),
    "all logits negative": classifier(5, LEAST_BIAS),
    "all logits equal": classifier(3, 0, spread=0),
    "all logits equal and negative": classifier(3, LEAST_BIAS, spread=0),
}


@pytest.fixture(scope="module")
def overlay(simulated_bit):
    device = SimulatedBoard()
    with LST1Overlay(simulated_bit, device, network=None) as made:
        yield made
    assert device.violations() == []


@pytest.mark.parametrize("network", CASES.values(), ids=CASES)
def test_the_engine_gives_what_the_reference_gives(overlay, network):
    images = np.concatenate([random_images(12), np.zeros((1, 28, 28), np.uint8)])
    overlay.load_network(network)
    expected = logits(network, images)
    found = overlay.logits(images)
    assert found.shape == (13, network.classes) and found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(overlay.logits(images, software=True), expected)
    np.testing.assert_array_equal(overlay.predict(images), classify(expected))


def test_negative_logits_win_over_the_lanes_without_a_class(overlay):
    network, images = CASES["all logits negative"], random_images(60)
    overlay.load_network(network)
    classes = overlay.predict(images)
    assert overlay.logits(images).max() < 0 and len(set(classes)) > 2
    np.testing.assert_array_equal(classes, classify(logits(network, images)))


def test_probabilities_and_the_self_test_are_of_these_classes(overlay):
    overlay.load_network(CASES["nine classes"])
    answer = overlay.classify(random_images(1)[0])
    assert answer.probabilities.shape == (9,) and answer.probabilities.sum() == pytest.approx(1)
    assert [check.name for check in overlay.self_test() if not check.passed] == []


def test_the_names_of_the_classes_come_from_the_file(overlay, tmp_path):
    names = ["cat", "dog"]
    named = dataclasses.replace(CASES["two classes"], provenance={"class_names": names})
    save_network(named, tmp_path / "named.npz")
    overlay.load_network(tmp_path / "named.npz")
    assert overlay.classes == ("cat", "dog") == load_network(tmp_path / "named.npz").class_names


@pytest.mark.parametrize("names", [None, ["cat"], "ab", [1, 2], {"cat": 0, "dog": 1}])
def test_without_usable_names_classes_have_their_numbers(names):
    network = dataclasses.replace(CASES["two classes"], provenance={"class_names": names})
    assert network.class_names == ("0", "1")
