"""Networks of any shape, depth and number of classes on one bitstream, one after another."""

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import NetworkError, classify, load_network, logits
from lst_overlay.samples.shipped_networks import find
from lst_overlay.simulator.board import SimulatedBoard
from tests.driver.network.lst.chains import chain_network

NETWORKS = {
    "LST-1": "lst1_w6a4p4",
    "26 classes of 24 x 24 pixels": chain_network(1, (24, 24), [(24, 24)], 26),
    "ResLST-3": load_network(find("reslst3_w6a4p4")),
    "images with padding": chain_network(2, (9, 9), [(5, 7)], 3),
    "LST-2": load_network(find("lst2_w6a4p4")),
    "32 features": chain_network(3, (32, 32), [(32, 31)], 20),
    "32 classes": chain_network(4, (13, 13), [(10, 10)] * 2, 32),
    "two classes": chain_network(5, (8, 8), [(2, 2)] * 3, 2),
}


def images_for(network, count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *network.image_shape), dtype=np.uint8)


@pytest.fixture(scope="module")
def overlay(simulated_bit):
    device = SimulatedBoard()
    with LST1Overlay(simulated_bit, device, network=None) as made:
        yield made
    assert device.violations() == []


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_one_bitstream_runs_every_shape_and_depth(overlay, network):
    overlay.load_network(network)
    network = overlay.network
    images = images_for(network, 9)
    expected = logits(network, images)
    assert overlay.layout.shape == network.image_shape
    np.testing.assert_array_equal(overlay.logits(images), expected)
    np.testing.assert_array_equal(overlay.predict(images), classify(expected))
    assert overlay.classify(images[0]).probabilities.shape == (network.classes,)


def test_the_self_test_follows_the_shape(overlay):
    overlay.load_network(NETWORKS["images with padding"])
    assert [check for check in overlay.self_test() if not check.passed] == []


def test_images_of_another_shape_are_refused(overlay):
    overlay.load_network(NETWORKS["two classes"])
    with pytest.raises(ValueError, match=r"must have shape \(N, 8, 8\) or \(N, 64\), not \(1, 28, 28\)"):
        overlay.predict(np.zeros((1, 28, 28), np.uint8))


def test_the_advice_on_pictures_is_for_the_shape(overlay):
    overlay.load_network(NETWORKS["two classes"])
    with pytest.raises(TypeError, match="not str: lst_overlay.samples.thing.image_of makes an image"):
        overlay.predict("photo.png")


def test_images_in_device_memory_are_those_of_the_network_for_which_they_were_packed(overlay):
    overlay.load_network(NETWORKS["images with padding"])
    images = images_for(overlay.network, 20)
    with overlay.pack(images) as packed:
        assert packed.memory[0].shape == (20, 88)
        np.testing.assert_array_equal(overlay.logits(packed), logits(overlay.network, images))
        overlay.load_network("lst1_w6a4p4")
        with pytest.raises(
            ValueError, match=r"for shape \(9, 9\) and 3 classes, the network has .*: pack them again"
        ):
            overlay.predict(packed)


def test_a_network_that_is_refused_leaves_the_shape_as_it_is(overlay):
    overlay.load_network(NETWORKS["two classes"])
    with pytest.raises(NetworkError, match="images must have 8..32 rows and columns"):
        overlay.load_network(chain_network(1, (40, 40), [(28, 28)]))
    assert overlay.layout == ImageLayout((8, 8), padded=True)
    images = images_for(overlay.network, 3)
    np.testing.assert_array_equal(overlay.logits(images), logits(overlay.network, images))


def test_a_freed_overlay_still_tells_the_shape_of_its_images(simulated_bit):
    with LST1Overlay(simulated_bit, SimulatedBoard()) as freed:
        before = freed.layout
    assert freed.layout == before
