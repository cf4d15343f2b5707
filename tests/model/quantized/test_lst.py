import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from lst_overlay.network import NetworkError, load_network, logits, quantize
from model.quantized.lst import Codes, QuantizedLST, index_shift, round_down, round_half_up
from model.quantized.lst_arithmetic import IntegerLST
from model.training.recipe import Widths
from tests.driver.network.lst.networks import SHIPPED
from tests.model.small import (
    FUNCTIONS,
    KINDS,
    WIDTHS,
    random_images,
    random_network,
    shipped_functions,
    small_network,
)


def functions_of(network):
    """A copy of each layer's function, None for the last: `from_integer` makes its own of them."""
    return [copy.deepcopy(layer.activation) for layer in network.layers]


def assert_same_integers(one, other):
    for layer, same in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(same.weights_q, layer.weights_q)
        np.testing.assert_array_equal(same.bias_q, layer.bias_q)
        assert same.weights_step == pytest.approx(layer.weights_step, rel=1e-14) and same.add == layer.add
        assert (same.activation is None) == (layer.activation is None)
        if layer.activation is not None:
            np.testing.assert_array_equal(same.activation.table_q, layer.activation.table_q)
            assert (same.activation.shift, same.activation.index_width) == (
                layer.activation.shift,
                layer.activation.index_width,
            )
            assert same.activation.step == pytest.approx(layer.activation.step, rel=1e-14)


def within_31_bits(quantized):
    """The same; what the contract refuses, a rare network of many bits and extreme values, is no example."""
    try:
        quantized.export("n", {})
    except NetworkError as error:
        if "accumulators need" not in str(error):
            raise
        reject()
    return quantized


@st.composite
def quantized_networks(draw):
    """Any kind with any function, one width for all layers or one for each."""
    network = small_network(
        draw(st.sampled_from(list(KINDS))),
        draw(st.sampled_from(list(FUNCTIONS))),
        seed=draw(st.integers(0, 10**6)),
        d_in=draw(st.integers(2, 6)),
        d_out=draw(st.integers(2, 6)),
        classes=draw(st.integers(1, 4)),
        gain=draw(st.sampled_from([0.01, 1.0, 30.0])),
    )
    layers = len(network.stages())
    per_layer = st.builds(
        Widths,
        st.lists(st.integers(2, 13), min_size=layers, max_size=layers),
        st.lists(st.integers(2, 13), min_size=layers - 1, max_size=layers - 1),
        st.integers(1, 8),
    )
    return within_31_bits(
        QuantizedLST.from_float(network, draw(st.one_of(st.sampled_from(WIDTHS), per_layer)))
    )


@given(network=quantized_networks(), seed=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_evaluation_equals_the_reference_and_torch_from_the_file(network, seed):
    images = random_images(seed, 5, network.image_shape[0])
    exported = network.export("n", {})
    expected = logits(exported, images.numpy())
    np.testing.assert_array_equal(network.logits_q(images).numpy(), expected)
    np.testing.assert_array_equal(IntegerLST(exported).logits_q(images).numpy(), expected)


@given(network=quantized_networks())
@settings(max_examples=50, deadline=None)
def test_export_and_return_give_the_same_integers(network):
    exported = network.export("n", {})
    assert_same_integers(exported, QuantizedLST.from_integer(exported, functions_of(network)).export("n", {}))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_training_computes_with_the_same_codes_as_evaluation_in_every_network(kind, function):
    """Weights may round otherwise in float32 where they lie on a tie to its precision; these do not."""
    network = QuantizedLST.from_float(small_network(kind, function, seed=2), WIDTHS[0])
    images = random_images(1, 20, 5)
    trained = network.train().outputs(images)[-1].codes.detach().long()
    np.testing.assert_array_equal(trained.numpy(), network.logits_q(images).numpy())


def test_evaluation_is_exact_beyond_float32():
    network = QuantizedLST.from_float(random_network(3), WIDTHS[4])
    network.layers[2].set_step(2.0**-11)
    images = random_images(5, 20)
    expected = logits(network.export("n", {}), images.numpy())
    assert np.abs(expected).max() > 1 << 24
    np.testing.assert_array_equal(network.logits_q(images).numpy(), expected)


@pytest.mark.parametrize("widths", WIDTHS[:4], ids=str)
def test_training_computes_with_the_same_codes_as_evaluation(widths):
    """Weights may round otherwise in float32 where they lie on a tie to its precision; these do not."""
    network = QuantizedLST.from_float(random_network(1), widths)
    images = random_images(1, 20)
    trained = network.train().outputs(images)[-1].codes.detach().long()
    np.testing.assert_array_equal(trained.numpy(), network.logits_q(images).numpy())


def test_real_logits_are_codes_times_one_step():
    network = QuantizedLST.from_float(random_network(1), WIDTHS[0]).eval()
    images = random_images(1, 5)
    ratio = network(images) / network.logits_q(images)
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio.flatten()[0].detach())))


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if "per channel" not in name])
@pytest.mark.parametrize("kind", KINDS)
def test_many_bits_approach_the_float_network(kind, function):
    """Sums included. Tables are as fine as their index: 8 / 1024 at tanh's slope of 1."""
    network, images = small_network(kind, function, seed=2).double(), random_images(2, 10, 5)
    wanted = copy.deepcopy(network).float()(images)
    quantized = QuantizedLST.from_float(network, Widths(16, 16, 8)).eval()
    torch.testing.assert_close(quantized(images).float(), wanted, atol=0.1, rtol=0)
    assert (quantized(images).float() - wanted).abs().mean() < 0.02


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns(kind, function):
    network = QuantizedLST.from_float(small_network(kind, function, seed=3), WIDTHS[0]).train()
    torch.nn.functional.cross_entropy(network(random_images(3, 20, 5)), torch.arange(20) % 3).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("function", ["tanh", "lerp_psa", "lerp_psa per channel"])
def test_an_accumulators_gradient_is_the_slope_of_the_function(function):
    """d code / d accumulator = f'(i * index_step) * unit / step, and 0 where the index saturates."""
    layer = QuantizedLST.from_float(
        small_network("lst1", function, d_in=28, d_out=4), Widths(8, 8, 8)
    ).layers[0]
    pixel = torch.tensor(2.0**-7, dtype=torch.float64)
    with torch.no_grad():
        integers = layer.layer_codes(pixel, -127.5)
    table, entries = integers.table, integers.table.codes.shape[1]
    x = (
        (torch.arange(-entries // 2, entries // 2).double() * table.index_step)
        .repeat(len(table.codes), 1)
        .requires_grad_()
    )
    (slope,) = torch.autograd.grad(layer.activation(x, channel_axis=0).sum(), x)
    wanted = (slope * integers.unit / table.step)[:, 1:-1]
    # Next to a kink the slope between two entries is neither that of one side nor that of the other.
    assert ((table.slope[:, 1:-1] - wanted).abs() > 0.05 * wanted.abs().max()).double().mean() < 0.05
    assert not table.slope[:, [0, -1]].any()


def test_a_channels_table_is_made_of_its_own_function():
    network = small_network("lst1", "piecewise_linear per channel")
    for number, function in enumerate((network.lst[0].rows_activation, network.lst[0].columns_activation)):
        function.values.data = torch.arange(4.0)[:, None].repeat(1, 9) / 3 - number
    exported = QuantizedLST.from_float(network, Widths(6, 4, 8)).export("n", {})
    for number, layer in enumerate(exported.layers[:2]):
        assert layer.activation.index_width == 8 and layer.activation.table_q.shape == (4, 256)
        wanted = [round((channel / 3 - number) * 7) for channel in range(4)]
        np.testing.assert_array_equal(
            layer.activation.table_q, np.repeat(np.array(wanted)[:, None], 256, axis=1)
        )


def test_summands_share_the_step_of_the_first():
    network = QuantizedLST.from_float(small_network("reslst3", "relu"), Widths(6, 4, 8))
    network.layers[1].set_activation_step(0.3)
    layers = network.export("n", {}).layers
    assert [layer.add for layer in layers] == [None] * 5 + [1, None]
    assert layers[5].activation.step == layers[1].activation.step == pytest.approx(0.3)
    assert "layers.5.log2_activation_step" not in dict(network.named_parameters())


def test_every_layer_has_its_own_widths():
    network = QuantizedLST.from_float(small_network("lst1", gain=50.0), Widths([2, 5, 9], [3, 6], 8))
    layers = network.export("n", {}).layers
    assert [layer.weights_width for layer in layers] == [2, 5, 9]
    assert [layer.activation.width for layer in layers[:2]] == [3, 6]
    assert [layer.activation.table_q.max() for layer in layers[:2]] == [3, 31]


def test_weights_of_a_trained_network_are_taken_with_its_functions():
    trained = small_network("reslst3", "piecewise_linear per channel", seed=4)
    quantized = QuantizedLST.from_float(
        small_network("reslst3", "piecewise_linear per channel", seed=5), WIDTHS[0]
    )
    quantized.take_weights(trained, random_images(0, 1))
    assert_same_integers(
        QuantizedLST.from_float(trained, WIDTHS[0]).export("n", {}), quantized.export("n", {})
    )


def layer_and_input(seed, function="tanh", widths=Widths(4, 8, 8)):
    """A layer along rows in float64, some of its weights clipped, and its input: (layer, Codes, offset)."""
    layer = QuantizedLST.from_float(small_network("lst1", function, seed), widths).double().layers[0]
    layer.set_step(layer.weight.abs().max().item() / 10)
    torch.manual_seed(seed)
    return (
        layer,
        Codes(torch.randint(0, 256, (5, 1, 5)).double(), torch.tensor(2.0**-7, dtype=torch.float64)),
        -127.5,
    )


def lsq_slopes(layer):
    """d(code) / d(log2 step) of each weight: that of w / step where it lies in the range, else 0.

    Multiplied by the step, and with the code added, it is equation 3 of arXiv 1902.08153.
    """
    step, high = 2.0 ** layer.log2_step.item(), layer.max_code
    quotient = layer.weight.detach() / step
    return torch.where(quotient.abs() < high, -quotient, torch.zeros(())) * math.log(2)


def test_the_gradient_of_the_weights_step_is_that_of_lsq():
    """Through weights, bias and the unit of the last layer's accumulators: d(acc * unit) / d(log2 step)."""
    layer, x, offset = layer_and_input(0)
    layer.activation = None
    acc, unit = layer(x, offset)
    (acc * unit).sum().backward()
    of_codes, values = lsq_slopes(layer), x.codes.flatten(1)
    of_acc = (
        of_codes @ values
        + (offset * of_codes.sum(1) - math.log(2) * layer.bias.detach() / unit.detach())[:, None]
    )
    expected = (of_acc * unit.detach() + math.log(2) * (acc * unit).detach().flatten(1)).sum()
    assert (layer.weight.detach().abs() / 2 ** layer.log2_step.detach() > layer.max_code).any()
    assert layer.log2_step.grad.item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize("function", ["tanh", "lerp_psa per channel"])
def test_the_weights_step_reaches_the_table_through_its_index(function):
    """In y = f(index * index_step) the step moves both the index, through the accumulator, and index_step."""
    layer, x, offset = layer_and_input(1, function)
    y, step = layer(x, offset)
    (y * step).sum().backward()
    with torch.no_grad():
        integers = layer.layer_codes(x.step, offset)
    acc = integers.weights @ x.codes.flatten(1) + integers.bias[:, None]
    place = torch.floor(acc / 2.0**integers.table.shift) * integers.table.index_step
    place.requires_grad_()
    (slope,) = torch.autograd.grad(layer.activation(place, channel_axis=0).sum(), place)
    of_codes = lsq_slopes(layer)
    of_acc = (
        of_codes @ x.codes.flatten(1)
        + (offset * of_codes.sum(1) - math.log(2) * layer.bias.detach() / integers.unit)[:, None]
    )
    expected = (slope * (of_acc * integers.unit + math.log(2) * place.detach())).sum()
    assert layer.log2_step.grad.item() == pytest.approx(expected.item(), rel=2e-2)


def test_where_an_entry_is_clipped_no_gradient_passes():
    layer = QuantizedLST.from_float(small_network("lst1", "relu"), Widths(8, 4, 8)).layers[0]
    layer.set_activation_step(0.1)  # 4 bits reach 0.7
    table = layer.layer_codes(torch.tensor(2.0**-7), -127.5).table
    x = torch.arange(-512, 512).double() * table.index_step.detach()
    assert (table.slope[0, 513:][x[513:] < 0.69] > 0).all() and not table.slope[0, x > 0.7].any()


def test_no_summand_begins_clipped():
    network = small_network("reslst3", "piecewise_linear")
    for lst, greatest in zip(network.lst, (0.5, 1.0, 3.0)):
        lst.columns_activation.values.data = torch.linspace(-greatest, greatest, 33)[None]
    for quantized in (
        QuantizedLST.from_float(network, Widths(6, 4, 8)),
        QuantizedLST.from_float(small_network("reslst3", "piecewise_linear", 1), Widths(6, 4, 8)),
    ):
        quantized.take_weights(network, random_images(0, 1))
        layers = quantized.export("n", {}).layers
        assert layers[1].activation.step == layers[5].activation.step == pytest.approx(3 / 7, rel=1e-6)


def test_the_weights_step_begins_where_lsq_begins():
    """2 mean |w| / sqrt(greatest code): Esser et al., arXiv 1902.08153, section 2.1."""
    layer = QuantizedLST.from_float(random_network(1), Widths(6, 4, 4)).layers[0]
    mean = layer.weight.detach().abs().mean().item()
    assert 2 ** layer.log2_step.item() == pytest.approx(2 * mean / 31**0.5, rel=1e-5)


def test_a_layer_of_zeros_has_a_step():
    network = small_network("lst1")
    torch.nn.init.zeros_(network.lst[0].rows.weight)
    assert not QuantizedLST.from_float(network, Widths(6, 4, 8)).export("n", {}).layers[0].weights_q.any()


@given(st.floats(-1000, 1000))
@settings(max_examples=100, deadline=None)
def test_round_half_up_is_the_rounding_of_the_contract(value):
    assert int(round_half_up(torch.tensor(value, dtype=torch.float64))) == quantize(value, 1.0, -2000, 2000)


@given(st.floats(-1000, 1000))
@settings(max_examples=100, deadline=None)
def test_round_down_is_floor_with_the_gradient_of_its_input(value):
    x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    rounded = round_down(x)
    rounded.backward()
    assert float(rounded.detach()) == math.floor(value) and float(x.grad) == 1.0


@pytest.mark.parametrize("width, codes", [(2, 1), (4, 7), (8, 127)])
def test_the_outermost_codes_of_tanh_start_as_one(width, codes):
    network = QuantizedLST.from_float(random_network(0, gain=50.0), Widths(6, width, 8))
    for layer in network.export("n", {}).layers[:2]:
        assert (layer.activation.table_q.min(), layer.activation.table_q.max()) == (-codes, codes)
        assert layer.activation.step * codes == pytest.approx(1.0, rel=1e-6)


def test_the_greatest_code_starts_as_the_greatest_value_of_the_function():
    network = QuantizedLST.from_float(small_network("lst1", "relu"), Widths(6, 4, 8))
    assert network.export("n", {}).layers[0].activation.step * 7 == pytest.approx(4.0, rel=1e-6)


@given(st.floats(1e-7, 1.0), st.sampled_from([8, 10]))
@settings(max_examples=100, deadline=None)
def test_the_index_covers_four_with_the_least_shift(unit, index_width):
    shift = index_shift(unit, index_width)
    assert unit * 2.0 ** (shift + index_width - 1) >= 4 * (1 - 1e-12)
    assert shift == 0 or unit * 2.0 ** (shift + index_width - 2) < 4 * (1 + 1e-12)


def test_weights_are_symmetric():
    network = random_network(0, gain=100.0)
    for widths in WIDTHS[:4]:
        quantized = QuantizedLST.from_float(network, widths)
        for layer in quantized.layers:
            layer.set_step(1e-3)
        high = 2 ** (widths.weights - 1) - 1
        for layer in quantized.export("n", {}).layers:
            assert (layer.weights_q.min(), layer.weights_q.max()) == (-high, high)


def test_the_bias_holds_the_pixels_constant_and_half_a_shift():
    network = random_network(4)
    exported = QuantizedLST.from_float(network, WIDTHS[1])
    layer = exported.export("n", {}).layers[0]
    unit = layer.weights_step / 8  # 4-bit pixels: steps of 2**-3
    for o in range(28):
        exact = network.lst[0].rows.bias[o].item() / unit + (0.5 - 8) * int(layer.weights_q[o].sum())
        assert layer.bias_q[o] == math.floor(exact + 0.5) + (1 << layer.activation.shift) // 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_network_goes_back_into_training_form_and_out_again_unchanged(path):
    network = load_network(path)
    assert_same_integers(
        network,
        QuantizedLST.from_integer(network, shipped_functions(network)).export(network.name, {}),
    )


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(list(KINDS)),
    widths=st.sampled_from(WIDTHS),
    per_channel=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_what_functions_tells_is_enough_to_make_the_tables_again(seed, kind, widths, per_channel):
    function = "piecewise_linear" + " per channel" * per_channel
    network = small_network(kind, function, seed, gain=2.0)  # nothing like tanh
    quantized = within_31_bits(QuantizedLST.from_float(network, widths))
    exported, learned, functions = quantized.export("learned", {}), iter(quantized.functions()), []
    for stage in small_network(kind, function, seed + 1).stages()[:-1]:
        functions.append(stage.activation.double())
        functions[-1].take(next(learned))
    again = QuantizedLST.from_integer(exported, [*functions, None])
    assert_same_integers(exported, again.export("learned", {}))
    images = random_images(seed, 5, 5)
    np.testing.assert_array_equal(again.logits_q(images).numpy(), logits(exported, images.numpy()))
