"""ResMLP for CIFAR-10: shapes, parameter counts, the order of patches."""

from functools import partial

import pytest
import torch

from model.networks.activations import PSA, BSpline, LerpPSA, ReLU, total_variation
from model.networks.resmlp import ResMLP, learned, patches, pixel_values
from tests.model.small import random_pictures

PSA_PER_CHANNEL, LERP, SPLINE = (partial(kind, per_channel=True) for kind in (PSA, LerpPSA, BSpline))
COUNTS = {
    4: (322_410, 372_330, 447_210),
    2: (174_186, 204_138, 249_066),
    1: (100_074, 120_042, 149_994),
    0.5: (63_018, 77_994, 100_458),
    0.25: (44_490, 56_970, 75_690),
}  # as published: ReLU, PSA, B-spline


def pictures(count):
    return torch.randint(256, (count, 32, 32, 3), dtype=torch.uint8)


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
        assert torch.equal(found[1, token], images[1, row : row + 4, column : column + 4].reshape(-1))


@pytest.mark.parametrize("make", [None, PSA_PER_CHANNEL, LERP, SPLINE])
def test_logits_and_gradients_reach_everything(make):
    torch.manual_seed(0)
    network = ResMLP(0.25, make, channels=8, blocks=2)
    logits = network(pictures(3))
    assert logits.shape == (3, 10)
    logits.square().sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters()
    )


def test_what_is_after_each_block_leads_to_the_logits():
    network = ResMLP(1, None, channels=8, blocks=3).eval()
    images = pictures(2)
    found = network.after_blocks(images)
    assert [tuple(tensor.shape) for tensor in found] == [(2, 64, 8)] * 4
    torch.testing.assert_close(network.head(network.norm(found[-1]).mean(1)), network(images))


def test_what_is_learned_is_added_to_the_identity_and_splines_replace_it():
    torch.manual_seed(0)
    x = 3 * torch.randn(2, 64, 8, dtype=torch.float64)
    for make, residual in ((PSA_PER_CHANNEL, True), (LERP, True), (SPLINE, False)):
        function = ResMLP(1, make, channels=8, blocks=1).blocks[0][1].before
        torch.testing.assert_close(
            learned(function, x), function(x, channel_axis=-1) + (x if residual else 0)
        )


@pytest.mark.parametrize("training", [True, False])
def test_affines_computed_inside_the_products_equal_affines_after_them(training):
    """The definition, pass by pass: normalise, multiply, scale and shift, add."""
    torch.manual_seed(0)
    network = ResMLP(0.5, None, channels=8, blocks=1).double().train(training)
    x = torch.randn(4, 64, 8, dtype=torch.float64)
    mixer, mlp = network.blocks[0]
    for module in (mixer, mlp):
        for parameter in (module.affine.scale, module.affine.shift, module.norm.weight, module.norm.bias):
            parameter.data.normal_()
        found = module(x)
        axes = (0, 1)
        mean, variance = (
            (x.mean(axes), x.var(axes, correction=0))
            if training
            else (module.norm.running_mean, module.norm.running_var)
        )
        y = (x - mean) / (variance + 1e-5).sqrt() * module.norm.weight + module.norm.bias
        y = (
            mixer.mix(y.transpose(1, 2)).transpose(1, 2)
            if module is mixer
            else mlp.reduce(torch.relu(mlp.expand(y)))
        )
        torch.testing.assert_close(found, x + module.affine.scale * y + module.affine.shift)


def test_pixels_have_mean_0_and_deviation_1():
    pixels = torch.tensor([[0.4914, 0.4822, 0.4465], [0.7384, 0.7257, 0.7081]]) * 255
    found = pixel_values(pixels.round().to(torch.uint8).repeat(1, 16)).view(2, 16, 3)
    torch.testing.assert_close(
        found, torch.tensor([0.0, 1.0])[:, None, None].expand(2, 16, 3), atol=0.01, rtol=0
    )


def test_blocks_begin_close_to_the_identity():
    for mixer, mlp in ResMLP(1, None, channels=8, blocks=2).blocks:
        for affine in (mixer.affine, mlp.affine):
            assert torch.equal(affine.scale, torch.full((8,), 0.1)) and torch.equal(
                affine.shift, torch.zeros(8)
            )


def test_total_variation_is_that_of_the_splines():
    assert total_variation(ResMLP(1, LERP, channels=8, blocks=1)) == 0
    network = ResMLP(1, SPLINE, channels=8, blocks=1)
    # Each of 8 + 8 functions changes its slope once, by 0.99.
    torch.testing.assert_close(total_variation(network), torch.tensor(16 * 0.99))


def test_no_hidden_channels_are_refused():
    with pytest.raises(
        ValueError, match="expansion must be finite and leave at least one hidden channel of 96, is 0.001"
    ):
        ResMLP(0.001)


every_function = pytest.mark.parametrize("make", [None, LERP, SPLINE], ids=["ReLU", "LERP-PSA", "B-spline"])


def in_both_precisions(monkeypatch, compute):
    """What `compute` gives without and with products in bfloat16, each time for the same network."""
    for narrow in (False, True):
        monkeypatch.setattr("model.networks.resmlp.has_bfloat16", lambda device, narrow=narrow: narrow)
        torch.manual_seed(0)
        yield compute()


@every_function
def test_training_in_bfloat16_has_the_gradients_of_float32_but_for_rounding(monkeypatch, make):
    def gradients():
        network = ResMLP(0.5, make, channels=16, blocks=2)
        logits = network(random_pictures(1, 16))
        torch.nn.functional.cross_entropy(logits, torch.arange(16) % 10).backward()
        return logits.detach(), torch.cat([parameter.grad.flatten() for parameter in network.parameters()])

    (logits, exact), (rounded_logits, rounded) = in_both_precisions(monkeypatch, gradients)
    assert rounded_logits.dtype == rounded.dtype == torch.float32 and not torch.equal(logits, rounded_logits)
    assert (logits - rounded_logits).abs().max() < 0.05 * logits.abs().max()
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=0) > 0.98


@every_function
def test_evaluation_is_never_in_bfloat16(monkeypatch, make):
    images = random_pictures(1, 8)
    exact, other = in_both_precisions(
        monkeypatch, lambda: ResMLP(0.5, make, channels=16, blocks=2).eval()(images).detach()
    )
    assert torch.equal(exact, other)
