import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import load_network, logits, quantize
from model.activations import PiecewiseLinear
from model.fake_quantization import (
    FakeQuantizedNetwork,
    index_shift,
    round_half_up,
    signed_step,
    straight_through,
)
from model.networks import LST1
from model.recipe import Widths
from tests.model.small import WIDTHS, random_images, random_network
from tests.network.networks import SHIPPED


@given(seed=st.integers(0, 10 ** 6), size=st.integers(1, 6), out=st.integers(1, 6), classes=st.integers(1, 4),
       gain=st.sampled_from([0.01, 1.0, 30.0]), widths=st.sampled_from(WIDTHS))
@settings(max_examples=60, deadline=None)
def test_evaluation_equals_the_reference(seed, size, out, classes, gain, widths):
    network = FakeQuantizedNetwork.from_float(random_network(seed, size, out, classes, gain), widths)
    images = random_images(seed, 5, size)
    np.testing.assert_array_equal(network.logits_q(images).numpy(), logits(network.export("n", {}), images.numpy()))


def test_evaluation_is_exact_beyond_float32():
    network = FakeQuantizedNetwork.from_float(random_network(5), WIDTHS[4])
    network.layers[2].set_step(2.0 ** -11)
    images = random_images(5, 20)
    expected = logits(network.export("n", {}), images.numpy())
    assert np.abs(expected).max() > 1 << 24
    np.testing.assert_array_equal(network.logits_q(images).numpy(), expected)


@pytest.mark.parametrize("widths", WIDTHS[:4], ids=str)
def test_training_computes_with_the_same_codes_as_evaluation(widths):
    """Weights may round otherwise in float32 where they lie on a tie to its precision; these do not."""
    network = FakeQuantizedNetwork.from_float(random_network(1), widths)
    images = random_images(1, 20)
    trained = network.train().run(images).codes.detach().long()
    np.testing.assert_array_equal(trained.numpy(), network.logits_q(images).numpy())


def test_real_logits_are_codes_times_one_step():
    network = FakeQuantizedNetwork.from_float(random_network(1), WIDTHS[0]).eval()
    images = random_images(1, 5)
    ratio = network(images) / network.logits_q(images)
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio.flatten()[0].detach())))


def test_many_bits_approach_the_float_network():
    network = random_network(2)
    images = random_images(2, 10)
    quantized = FakeQuantizedNetwork.from_float(network, WIDTHS[4]).eval()
    for layer in quantized.layers:
        layer.set_step(2.0 ** -9)
    torch.testing.assert_close(quantized(images).float(), network(images), atol=0.05, rtol=0)


def test_every_parameter_learns():
    network = FakeQuantizedNetwork.from_float(random_network(3), WIDTHS[0]).train()
    torch.nn.functional.cross_entropy(network(random_images(3, 20)), torch.arange(20) % 10).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_gradient_of_the_step_is_that_of_lsq():
    """d(code * step)/d step = code - w / step inside the range, code outside (arXiv 1902.08153, equation 3)."""
    w, step = torch.tensor([0.3, -0.74, 9.0, -9.0]), torch.tensor(0.5, requires_grad=True)
    quantized = round_half_up((w / step).clamp(-7, 7)) * step
    expected = [1 - 0.6, -1 + 1.48, 7, -7]
    for value, wanted in zip(quantized, expected):
        (gradient,) = torch.autograd.grad(value, step, retain_graph=True)
        assert float(gradient) == pytest.approx(wanted, abs=1e-6)


@given(st.floats(-1000, 1000))
@settings(max_examples=100, deadline=None)
def test_round_half_up_is_the_rounding_of_the_contract(value):
    assert int(round_half_up(torch.tensor(value, dtype=torch.float64))) == quantize(value, 1.0, -2000, 2000)


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other():
    x = torch.tensor(0.1, requires_grad=True)
    y = straight_through(torch.tensor(3.0), 5 * x)
    y.backward()
    assert float(y.detach()) == 3.0 and float(x.grad) == 5.0


@pytest.mark.parametrize("width, codes", [(2, 1), (4, 7), (8, 127)])
def test_activations_reach_exactly_one(width, codes):
    assert signed_step(width) * codes == 1.0
    network = FakeQuantizedNetwork.from_float(random_network(0, gain=50.0), Widths(6, width, 8))
    for layer in network.export("n", {}).layers[:2]:
        assert (layer.activation.table_q.min(), layer.activation.table_q.max()) == (-codes, codes)


@given(st.floats(1e-7, 1.0))
@settings(max_examples=100, deadline=None)
def test_the_index_covers_four_with_the_least_shift(unit):
    shift = index_shift(unit)
    assert unit * 2.0 ** (shift + 9) >= 4 * (1 - 1e-12)
    assert shift == 0 or unit * 2.0 ** (shift + 8) < 4 * (1 + 1e-12)


def test_weights_are_symmetric():
    network = random_network(0, gain=100.0)
    for widths in WIDTHS[:4]:
        quantized = FakeQuantizedNetwork.from_float(network, widths)
        for layer in quantized.layers:
            layer.set_step(1e-3)
        high = 2 ** (widths.weights - 1) - 1
        for layer in quantized.export("n", {}).layers:
            assert (layer.weights_q.min(), layer.weights_q.max()) == (-high, high)


def test_the_bias_holds_the_pixels_constant_and_half_a_shift():
    network = random_network(4)
    exported = FakeQuantizedNetwork.from_float(network, WIDTHS[1])
    layer = exported.export("n", {}).layers[0]
    unit = layer.weights_step / 8  # 4-bit pixels: steps of 2**-3
    for o in range(28):
        exact = network.lst.rows.bias[o].item() / unit + (0.5 - 8) * int(layer.weights_q[o].sum())
        assert layer.bias_q[o] == math.floor(exact + 0.5) + (1 << layer.activation.shift) // 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_network_goes_back_into_training_form_and_out_again_unchanged(path):
    network = load_network(path)
    again = FakeQuantizedNetwork.from_integer(network).export(network.name, network.provenance)
    for layer, same in zip(network.layers, again.layers):
        np.testing.assert_array_equal(same.weights_q, layer.weights_q)
        np.testing.assert_array_equal(same.bias_q, layer.bias_q)
        assert same.weights_step == pytest.approx(layer.weights_step, rel=1e-15)
        if layer.activation is not None:
            np.testing.assert_array_equal(same.activation.table_q, layer.activation.table_q)
            assert same.activation.shift == layer.activation.shift


@given(seed=st.integers(0, 10 ** 6), widths=st.sampled_from(WIDTHS))
@settings(max_examples=20, deadline=None)
def test_learned_functions_survive_export_and_return(seed, widths):
    torch.manual_seed(seed)
    network = LST1(5, 4, 3, activation=PiecewiseLinear)
    for function in (network.lst.rows_activation, network.lst.columns_activation):
        function.take((torch.rand(33) * 3 - 1.5).tolist())  # nothing like tanh, and beyond -1..1
    quantized = FakeQuantizedNetwork.from_float(network, widths)
    exported = quantized.export("learned", {"functions": quantized.functions()})
    images = random_images(seed, 5, 5)
    np.testing.assert_array_equal(quantized.logits_q(images).numpy(), logits(exported, images.numpy()))
    again = FakeQuantizedNetwork.from_integer(exported)
    np.testing.assert_array_equal(again.logits_q(images).numpy(), logits(exported, images.numpy()))
    for layer, same in zip(exported.layers[:2], again.export("learned", {}).layers):
        np.testing.assert_array_equal(same.activation.table_q, layer.activation.table_q)
