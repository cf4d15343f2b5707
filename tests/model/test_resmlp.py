"""ResMLP for CIFAR-10: shapes, parameter counts, the order of patches."""
from functools import partial

import pytest
import torch

from model.activations import PSA, BSpline, LerpPSA, ReLU
from model.resmlp import ResMLP, patches

PSA_PER_CHANNEL, LERP, SPLINE = (partial(kind, per_channel=True) for kind in (PSA, LerpPSA, BSpline))
COUNTS = {4: (322_410, 372_330, 447_210), 2: (174_186, 204_138, 249_066), 1: (100_074, 120_042, 149_994),
          0.5: (63_018, 77_994, 100_458), 0.25: (44_490, 56_970, 75_690)}  # as published: ReLU, PSA, B-spline


@pytest.mark.parametrize("expansion", COUNTS)
@pytest.mark.parametrize("make, column", [(None, 0), (ReLU, 0), (PSA_PER_CHANNEL, 1), (LERP, 1), (SPLINE, 2)])
def test_parameters_are_as_many_as_published(expansion, make, column):
    network = ResMLP(expansion, make)
    assert sum(parameter.numel() for parameter in network.parameters()) == COUNTS[expansion][column]


def test_patches_come_row_by_row_and_hold_rows_columns_colours():
    images = torch.arange(2 * 32 * 32 * 3, dtype=torch.float32).view(2, 32, 32, 3)
    found = patches(images)
    assert found.shape == (2, 64, 48)
    for token in (0, 1, 8, 63):
        row, column = 4 * (token // 8), 4 * (token % 8)
        assert torch.equal(found[1, token], images[1, row:row + 4, column:column + 4].reshape(-1))


@pytest.mark.parametrize("make", [None, PSA_PER_CHANNEL, LERP, SPLINE])
def test_logits_and_gradients_reach_everything(make):
    torch.manual_seed(0)
    network = ResMLP(0.25, make, channels=8, blocks=2)
    logits = network(torch.randn(3, 32, 32, 3))
    assert logits.shape == (3, 10)
    logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_what_is_after_each_block_leads_to_the_logits():
    network = ResMLP(1, None, channels=8, blocks=3).eval()
    images = torch.randn(2, 32, 32, 3)
    found = network.after_blocks(images)
    assert [tuple(tensor.shape) for tensor in found] == [(2, 64, 8)] * 4
    torch.testing.assert_close(network.head(network.norm(found[-1]).mean(1)), network(images))


def test_learned_functions_begin_at_the_identity_plus_the_function_and_splines_replace_it():
    images = torch.randn(2, 64, 8)
    for make, residual in ((LERP, True), (SPLINE, False)):
        learned = ResMLP(1, make, channels=8, blocks=1).blocks[0][1].before
        expected = learned.function(images, channel_axis=-1) + (images if residual else 0)
        torch.testing.assert_close(learned(images), expected)


def test_total_variation_is_that_of_the_splines():
    assert ResMLP(1, LERP, channels=8, blocks=1).total_variation() == 0
    network = ResMLP(1, SPLINE, channels=8, blocks=1)
    torch.testing.assert_close(network.total_variation(), torch.tensor(16 * 0.99))  # one change of slope, by 0.99, in each of 8 + 8


def test_no_hidden_channels_are_refused():
    with pytest.raises(ValueError, match="expansion must leave at least one hidden channel of 96, is 0.001"):
        ResMLP(0.001)
