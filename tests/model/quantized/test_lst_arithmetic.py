import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import load_network, logits
from model.quantized.lst_arithmetic import IntegerLST
from tests.driver.network.lst.networks import SHIPPED, corner_networks, networks_of_any_kind, small_networks
from tests.images import corner_images, test_images


def assert_equal(network, images):
    found = torch.cat(
        [IntegerLST(network).logits_q(part) for part in torch.from_numpy(images).split(1000)]
    ).numpy()
    expected = logits(network, images)
    different = np.flatnonzero((found != expected).any(axis=1))
    first = different[:5]
    assert not len(different), (
        f"{len(different)} of {len(images)} images differ, first {first}: "
        f"{found[first]} not {expected[first]}"
    )


@given(network=small_networks, seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_torch_equals_the_reference_on_any_network(network, seed):
    assert_equal(
        network, np.random.default_rng(seed).integers(0, 256, (3, *network.image_shape), dtype=np.uint8)
    )


@given(network=networks_of_any_kind, seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_torch_equals_the_reference_on_every_kind(network, seed):
    assert_equal(
        network, np.random.default_rng(seed).integers(0, 256, (3, *network.image_shape), dtype=np.uint8)
    )


def test_torch_equals_the_reference_on_corner_networks():
    for network in corner_networks():
        assert_equal(network, corner_images())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_torch_equals_the_reference_on_corner_images(path):
    assert_equal(load_network(path), corner_images())


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_torch_equals_the_reference_on_the_whole_test_set(path):
    """10,000 images of MNIST; of the digits all 1,797."""
    network = load_network(path)
    images = test_images(network.provenance["dataset"]).images
    if network.provenance["dataset"] == "digits":
        from datasets import load_digits

        images = np.concatenate([load_digits("train").images, images])
    assert len(images) in (10000, 1797)
    assert_equal(network, images)
