"""The integers of ResMLP in torch against the integer reference."""

import numpy as np
import pytest
import torch

from datasets.cifar10 import cifar10_is_here
from lst_overlay.network import load_network, outputs, resmlp
from model.quantized.resmlp_arithmetic import IntegerResMLP, expanded
from model.reports.evaluate import evaluate
from tests.driver.network.resmlp.networks import STEP, longest_sums, random_images, random_network
from tests.driver.network.resmlp.test_shipped import every_network


def assert_same_tensors(network, images):
    found = IntegerResMLP(network).outputs_q(torch.from_numpy(images))
    for ours, theirs in zip(found, outputs(network, images)):
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("extreme", [False, True])
def test_torch_gives_the_same_in_every_tensor(extreme, narrow):
    for seed in range(10):
        assert_same_tensors(random_network(seed, extreme=extreme, narrow=narrow), random_images(3, seed))


@pytest.mark.parametrize("axis", resmlp.Axis.ALL)
@pytest.mark.parametrize("shift", [1, 16])
def test_torch_sums_as_much_as_is_allowed_exactly(axis, shift):
    assert_same_tensors(*longest_sums(axis, shift))


def test_torch_goes_straight_between_the_entries_of_a_table():
    entries = np.zeros((1, 64), np.int64)
    entries[0, :2], entries[0, -2:] = (-128, 127), (10, -7)
    found = expanded(torch.from_numpy(entries).double(), 8)[0]
    np.testing.assert_array_equal(found, resmlp.Table(entries, STEP).expanded(8)[0])


@pytest.mark.slow
@every_network
def test_all_test_images_have_the_same_logits_in_torch_and_are_as_accurate_as_the_file_says(path):
    if not cifar10_is_here():
        pytest.skip("CIFAR-10 is not on this machine: set LST_DATA_DIR (docs/datasets.md)")
    found = evaluate(path)
    assert found.torch_exact_images == found.images == 10_000 and found.tensor_exact_images == 100
    assert round(found.accuracy, 4) == load_network(path).provenance["accuracy_integer"]
