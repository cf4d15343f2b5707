"""Quantised ResMLP: folding is exact, integers follow the rules, gradients are those of the real network."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import model.quantized.resmlp
from lst_overlay.network import logits, outputs, resmlp
from model.networks.activations import BSpline, LerpPSA
from model.networks.resmlp import ResMLP
from model.quantized import resmlp_arithmetic as int8_arithmetic
from model.quantized.resmlp import QuantizedResMLP, best_steps
from model.quantized.resmlp_layers import QuantizedAdd, QuantizedFunction, QuantizedMean, requantised
from tests.model.small import random_pictures

MAKES = {
    "ReLU": None,
    "LERP-PSA": partial(LerpPSA, per_channel=True),
    "B-spline": partial(BSpline, per_channel=True),
}
W5A6 = {"weights": 5, "codes": 6, "pixels": 6, "entries": 32}
W2A3 = {"weights": 2, "codes": 3, "residual": 5, "pixels": 2, "entries": 16}
every_function = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def network(make, seed=0):
    """Untrained, with normalisation and affines that are nothing like the identity."""
    torch.manual_seed(seed)
    made = ResMLP(0.5, make, channels=16, blocks=2)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.copy_(0.5 + torch.rand(tensor.shape))
        if hasattr(module, "scale"):
            module.scale.data.uniform_(0.1, 0.4), module.shift.data.normal_(0, 0.1)
    return made.eval()


def real_outputs(quantized, images):
    """The folded layers in real numbers."""
    found = [int8_arithmetic.pixel_codes(images).double()]
    for layer in quantized.layers:
        x = found[-1]
        if isinstance(layer, QuantizedAdd):
            x = x + found[layer.source + 1]
        elif isinstance(layer, QuantizedMean):
            x = x.mean(1)
        elif hasattr(layer, "real"):
            x = layer.real(x)
        else:
            x = x @ layer.weight.double().T + layer.bias.double()
        found.append(x)
    return found[1:]


@pytest.mark.parametrize("widths", [{}, {**W5A6, "pixels": 8}], ids=["INT8", "W5A6"])
@every_function
def test_folding_changes_nothing(make, widths):
    made, images = network(make).double(), random_pictures(1, 6)
    with torch.no_grad():
        torch.testing.assert_close(
            real_outputs(QuantizedResMLP(made, **widths), images)[-1], made(images), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("widths", [{}, W5A6, W2A3], ids=["INT8", "W5A6", "W2A3"])
@every_function
def test_every_tensor_equals_the_integer_reference(make, widths, path):
    images = random_pictures(2, 40)
    quantized = QuantizedResMLP(network(make), **widths).calibrate(images)
    exported = quantized.export("n", {})
    for ours, theirs in zip(quantized.outputs_q(images), outputs(exported, images.numpy())):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    np.testing.assert_array_equal(quantized.logits_q(images).numpy(), logits(exported, images.numpy()))


@every_function
def test_codes_times_steps_are_close_to_the_real_network(make):
    """Each tensor in its own step; a mistake in a factor or a bias would be far off."""
    images = random_pictures(3, 20)
    quantized = QuantizedResMLP(network(make)).calibrate(images)
    with torch.no_grad():
        for number, (ours, real) in enumerate(
            zip(quantized.outputs(images), real_outputs(quantized, images))
        ):
            correlation = np.corrcoef((ours.codes * ours.step).flatten(), real.flatten())[0, 1]
            assert correlation > 0.99, number
            scale = ((ours.codes * ours.step).double() * real).sum() / real.square().sum()
            assert 0.9 < scale < 1.1, number


@every_function
def test_gradients_reach_every_parameter(make):
    images = random_pictures(4, 8)
    quantized = QuantizedResMLP(network(make)).calibrate(images)
    quantized(images).square().sum().backward()
    for name, parameter in quantized.named_parameters():
        if parameter.requires_grad:
            assert (
                parameter.grad is not None
                and parameter.grad.isfinite().all()
                and parameter.grad.abs().sum() > 0
            ), name


@every_function
def test_gradients_are_those_of_the_real_layers_but_for_rounding(make, path):
    images, labels = random_pictures(5, 32), torch.arange(32) % 10
    made = network(make)
    for module in made.modules():
        if isinstance(module, LerpPSA):
            module.v.data.mul_(0.1)  # as it begins it bends more sharply than 64 entries can follow
    quantized = QuantizedResMLP(made).calibrate(images)
    gradients = []
    for found in (quantized(images).double(), real_outputs(quantized, images)[-1]):
        torch.nn.functional.cross_entropy(found, labels).backward()
        gradients.append(
            {
                name: parameter.grad.clone()
                for name, parameter in quantized.named_parameters()
                if parameter.requires_grad and not name.endswith("step")
            }
        )
        quantized.zero_grad()
    assert len(gradients[0]) >= 24
    for name, ours in gradients[0].items():
        similarity = torch.nn.functional.cosine_similarity(
            ours.flatten(), gradients[1][name].flatten(), dim=0
        )
        assert similarity > 0.95, (name, similarity)


@given(
    st.lists(st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-6), min_size=1, max_size=6),
    st.floats(1e-3, 1e3),
)
@settings(max_examples=100, deadline=None)
def test_the_shift_is_the_greatest_with_which_the_weight_fits(gains, ratio):
    weight = torch.tensor(gains, dtype=torch.float64)
    codes, shift, _ = requantised(
        weight, torch.zeros(len(gains)), torch.tensor([ratio], dtype=torch.float64), torch.ones(1).double()
    )
    assert codes.abs().max() <= 127 and (shift >= 1).all() and (shift <= 16).all()
    gain = weight * ratio
    fits = gain.abs() * 2 <= 127.4
    error = (codes * 2.0**-shift - gain).abs()
    assert (error[fits] <= 0.5 * 2.0 ** -shift[fits] * 1.000001).all()
    wider = (gain * 2.0 ** (shift + 1)).abs()
    assert ((wider > 127.4) | (shift == 16))[fits].all()


def test_a_gain_too_large_for_the_least_shift_saturates():
    one = torch.ones(1).double()
    codes, shift, bias = requantised(torch.tensor([1000.0, -1000.0]), torch.tensor([1e9, -1e9]), one, one)
    assert codes.tolist() == [127, -127] and shift.tolist() == [1, 1] and bias.tolist() == [127, -128]


def test_the_best_step_keeps_a_channel_whole_or_all_of_them():
    even = torch.linspace(-1, 1, 2000)
    assert best_steps(torch.stack([even, even / 10], 1), 2, 8).tolist() == pytest.approx(
        [1 / 127, 0.1 / 127], rel=0.03
    )
    assert best_steps(torch.stack([even, even / 10], 1), 1, 8).tolist() == pytest.approx([1 / 127], rel=0.03)


def test_a_channel_without_signal_has_a_step_within_reach_of_the_others():
    steps = best_steps(torch.stack([torch.linspace(-1, 1, 2000), torch.zeros(2000)], 1), 2, 8)
    assert steps[1] >= 0.1 * steps[0] / 32
    assert best_steps(torch.zeros(10, 2), 2, 8).min() > 0


def test_the_best_step_of_a_tables_input_is_finer_where_the_function_bends():
    """An entry for every fourth code: a step that keeps the extremes would miss what is between."""
    values = torch.cat([torch.linspace(-2, 2, 2000), torch.tensor([12.0])])[:, None]
    knots = torch.linspace(-4, 4, 65)
    straight, bent = BSpline(1, per_channel=True), BSpline(1, per_channel=True)
    straight.values.data = knots[None].clone()
    bent.values.data = (torch.sin(8 * knots) * (knots.abs() < 2))[None]
    steps = [best_steps(values, 1, 8, QuantizedFunction(kind)).item() for kind in (straight, bent)]
    assert steps[0] == pytest.approx(12 / 127, rel=0.03) and steps[1] < 0.5 * steps[0]


def test_calibration_asks_the_function_behind_a_layer_or_behind_its_sum_for_the_step(monkeypatch):
    asked = []
    monkeypatch.setattr(
        model.quantized.resmlp,
        "best_steps",
        lambda y, count, bits, function: (asked.append(function), best_steps(y, count, bits, function))[1],
    )
    quantized = QuantizedResMLP(network(MAKES["LERP-PSA"])).calibrate(random_pictures(8, 4))
    functions = [layer for layer in quantized.layers if isinstance(layer, QuantizedFunction)]
    assert [function for function in asked if function is not None] == functions
    assert len(functions) == 4


def test_the_mean_is_as_fine_as_its_greatest_value_allows():
    images = random_pictures(6, 20)
    quantized = QuantizedResMLP(network(None)).calibrate(images)
    mean, sums = quantized.layers[-2], quantized.outputs_q(images)[-3].sum(1).abs().max().item()
    before, after = (quantized.outputs(images)[place].step for place in (-3, -2))
    assert torch.equal(after, before * 2.0**mean.shift / 64)
    assert sums / 2 ** mean.shift.item() <= 129 and sums / 2 ** (mean.shift.item() - 1) > 127


def test_tables_hold_every_fourth_code_of_function_and_normalisation():
    quantized = QuantizedResMLP(network(MAKES["LERP-PSA"])).calibrate(random_pictures(7, 20))
    exported = quantized.export("n", {})
    number = next(number for number, layer in enumerate(exported.layers) if isinstance(layer, resmlp.Table))
    layer, table, x_step = quantized.layers[number], exported.layers[number], exported.layers[number - 1].step
    for channel in (0, 7):
        x = np.arange(-128, 128, 4) * x_step[channel]
        real = torch.from_numpy(x)[:, None] * layer.weight.double() + layer.bias.double()
        y = layer.function.double().added_to_identity(real, -1)[:, channel].detach().numpy()
        np.testing.assert_array_equal(
            table.table_q[channel], np.clip(np.floor(y / table.step[channel] + 0.5), -128, 127)
        )
