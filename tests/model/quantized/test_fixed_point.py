import numpy as np
import pytest
from fxpmath import Fxp
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import QFormat, logits
from model.quantized.fixed_point import from_fxp, quantize_post_training, quantize_weights, to_fxp
from tests.model.small import (
    FUNCTIONS,
    KINDS,
    normalized_network,
    random_images,
    random_network,
    small_network,
)

formats = st.builds(QFormat, int_bits=st.integers(1, 12), frac_bits=st.integers(0, 12))


@given(formats, st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_fxpmath_holds_the_codes_of_qformat(fmt, values):
    np.testing.assert_array_equal(to_fxp(values, fmt).val, fmt.quantize(values))


@given(formats, st.integers(-10, 10))
@settings(max_examples=50, deadline=None)
def test_fxpmath_holds_the_codes_of_qformat_on_ties(fmt, code):
    value = (code + 0.5) * fmt.step
    assert int(to_fxp(value, fmt).val) == fmt.quantize(value)


@given(formats)
@settings(max_examples=50, deadline=None)
def test_formats_convert_both_ways(fmt):
    assert from_fxp(to_fxp(0.0, fmt)) == fmt


def test_q6_7_is_fxp_s13_7():
    assert to_fxp(0.0, QFormat(6, 7)).dtype == "fxp-s13/7"


def test_one_bit_equals_fxpmath():
    values = [-2.0, -0.5, 0.0, 0.5, 2.0]
    np.testing.assert_array_equal(to_fxp(values, QFormat(1, 0)).val, QFormat(1, 0).quantize(values))


def test_an_unsigned_number_has_no_qformat():
    with pytest.raises(ValueError, match="a QFormat is signed"):
        from_fxp(Fxp(0, signed=False, n_word=8, n_frac=4))


@given(
    seed=st.integers(0, 10**6),
    fmt=st.builds(QFormat, int_bits=st.integers(2, 6), frac_bits=st.integers(1, 8)),
)
@settings(max_examples=25, deadline=None)
def test_post_training_torch_equals_the_reference(seed, fmt):
    quantized = quantize_post_training(random_network(seed, 4, 5, 3), fmt)
    images = random_images(seed, 5, 4)
    np.testing.assert_array_equal(
        quantized.logits_q(images).numpy(), logits(quantized.export("n", {}), images.numpy())
    )


def test_post_training_codes_are_the_formats():
    network, fmt = random_network(0), QFormat(6, 7)
    exported = quantize_post_training(network, fmt).export("n", {})
    np.testing.assert_array_equal(
        exported.layers[0].weights_q, fmt.quantize(network.lst[0].rows.weight.detach().numpy())
    )
    np.testing.assert_array_equal(
        exported.layers[2].weights_q, fmt.quantize(network.classifier.weight.detach().numpy())
    )
    np.testing.assert_array_equal(
        exported.layers[1].activation.table_q, fmt.quantize(np.tanh(np.arange(-512, 512) / 128))
    )


@given(
    seed=st.integers(0, 10**6),
    fmt=st.builds(QFormat, int_bits=st.integers(2, 6), frac_bits=st.integers(1, 8)),
    kind=st.sampled_from(list(KINDS)),
    function=st.sampled_from(list(FUNCTIONS)),
    rounding=st.sampled_from(["nearest", "floor"]),
)
@settings(max_examples=50, deadline=None)
def test_post_training_torch_equals_the_reference_for_every_network(seed, fmt, kind, function, rounding):
    quantized = quantize_post_training(small_network(kind, function, seed), fmt, rounding)
    images = random_images(seed, 5, 5)
    np.testing.assert_array_equal(
        quantized.logits_q(images).numpy(), logits(quantized.export("n", {}), images.numpy())
    )


def test_rounding_down_truncates_weights_and_table_entries():
    network, fmt = random_network(0), QFormat(6, 3)
    exported = quantize_post_training(network, fmt, "floor").export("n", {})
    np.testing.assert_array_equal(
        exported.layers[0].weights_q, np.floor(network.lst[0].rows.weight.detach().numpy() * 8)
    )
    index = np.arange(-512, 512) * exported.layers[0].activation.index_step
    np.testing.assert_array_equal(exported.layers[0].activation.table_q, np.floor(np.tanh(index) * 8))


def test_every_table_of_a_format_has_its_step():
    exported = quantize_post_training(small_network("reslst3", "relu"), QFormat(6, 7)).export("n", {})
    assert {layer.activation.step for layer in exported.layers[:-1]} == {2.0**-7}
    assert {layer.weights_step for layer in exported.layers} == {2.0**-7}


def test_another_rounding_is_refused():
    with pytest.raises(ValueError, match="rounding must be nearest or floor, not 'up'"):
        quantize_post_training(random_network(0), QFormat(6, 7), "up")


@pytest.mark.parametrize(
    "network",
    [random_network(0), *map(normalized_network, ("lst1", "reslst3", "784-40-10"))],
    ids=["lst1", "lst1 normalized", "reslst3 normalized", "784-40-10 normalized"],
)
@pytest.mark.parametrize("rounding", ["nearest", "floor"])
def test_weights_alone_are_those_of_the_whole_network(rounding, network):
    fmt = QFormat(2, 4)
    exported = quantize_post_training(network, fmt, rounding).export("n", {})
    for stage, layer in zip(quantize_weights(network, fmt, rounding).stages(), exported.layers):
        np.testing.assert_array_equal(stage.linear.weight.detach().numpy(), layer.weights_q * fmt.step)


def test_q6_7_has_the_published_index():
    for layer in quantize_post_training(random_network(0), QFormat(6, 7)).export("n", {}).layers[:2]:
        assert (layer.activation.shift, layer.activation.index_width, layer.activation.index_step) == (
            7,
            10,
            2.0**-7,
        )
