import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import (
    Activation,
    Axis,
    Layer,
    LSTNetwork,
    classify,
    logits,
    outputs,
    pixel_codes,
    save_network,
)
from lst_overlay.network.lst import reference
from tests.driver.network.lst.networks import (
    KINDS,
    chain,
    corner_networks,
    lst1,
    networks_of_any_kind,
    random_network,
    random_network_of,
    small_networks,
)
from tests.images import corner_images
from tests.oracles.lst import Evaluator


def random_images(network, count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *network.image_shape), dtype=np.uint8)


@given(network=small_networks, seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_logits_equal_plain_python_integers(tmp_path_factory, network, seed):
    path = tmp_path_factory.mktemp("network") / "n.npz"
    save_network(network, path)
    images = random_images(network, 2, seed)
    np.testing.assert_array_equal(
        logits(network, images), [Evaluator(path).logits(image) for image in images.tolist()]
    )


@given(network=networks_of_any_kind, seed=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_logits_of_every_kind_equal_plain_python_integers(tmp_path_factory, network, seed):
    path = tmp_path_factory.mktemp("network") / "n.npz"
    save_network(network, path)
    images = random_images(network, 2, seed)
    np.testing.assert_array_equal(
        logits(network, images), [Evaluator(path).logits(image) for image in images.tolist()]
    )


@given(network=networks_of_any_kind, seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_hidden_codes_lie_in_the_input_ranges(network, seed):
    codes = outputs(network, random_images(network, 20, seed))
    for found, (low, high) in zip(codes[:-1], network.input_ranges[1:]):
        assert low <= found.min() and found.max() <= high


def channels(axis, index_width=3):
    """A layer whose tables give each channel's number, its accumulators saturated; then a classifier."""
    table = np.repeat(np.arange(4)[:, None], 1 << index_width, axis=1)
    weights = np.array([[1], [-1], [1], [-1]]) * np.ones((1, 4 if axis is not Axis.DENSE else 16), np.int64)
    layer = Layer(
        axis,
        weights.astype(np.int64),
        np.zeros(4, np.int64),
        2,
        1.0,
        Activation(0, index_width, 1.0, table, 4, 1.0),
    )
    fan_in = 4 if axis is Axis.DENSE else 16
    last = Layer(Axis.DENSE, np.ones((1, fan_in), np.int64), np.zeros(1, np.int64), 2, 1.0)
    return LSTNetwork("channels", "test", 8, (4, 4), (layer, last))


@pytest.mark.parametrize(
    "axis, wanted",
    [
        (Axis.ROWS, [[0, 1, 2, 3]] * 4),
        (Axis.COLUMNS, [[p] * 4 for p in range(4)]),
        (Axis.DENSE, [0, 1, 2, 3]),
    ],
)
def test_a_channel_is_an_output_of_the_layer_and_never_leaves_its_own_table(axis, wanted):
    network = channels(axis)
    np.testing.assert_array_equal(outputs(network, np.full((1, 4, 4), 255, np.uint8))[0], [wanted])


def test_a_sum_is_not_requantised():
    network = random_network_of("ResLST-3", 3, width=8, weights_width=8)
    layers = [
        dataclasses.replace(
            layer, activation=dataclasses.replace(layer.activation, width=8, table_q=np.full(32, 127))
        )
        if number in (1, 5)
        else layer
        for number, layer in enumerate(network.layers)
    ]
    network = dataclasses.replace(network, layers=tuple(layers))
    assert (outputs(network, random_images(network, 3))[5] == 254).all()


@pytest.mark.parametrize("code", [32767, -32767])
@pytest.mark.parametrize("layers", [511, 512, 513, 514, 515, 1200])
def test_the_sums_of_a_residual_chain_are_exact_at_any_depth(layers, code):
    """513 codes of 16 bits exceed 2**24, where float32 begins to round odd sums."""
    network = chain(layers, code)
    found = outputs(network, np.zeros((2, 1, 1), np.uint8))
    np.testing.assert_array_equal([output[1, 0] for output in found[:-1]], code * np.arange(1, layers + 1))
    assert logits(network, np.zeros((1, 1, 1), np.uint8)).tolist() == [[layers * code]]


def test_sums_are_float64_only_from_the_layer_whose_range_needs_it():
    prepared = reference._prepared(chain(520, 32767))
    assert [layer.table.dtype == np.float64 for layer in prepared[:-1]] == [False] * 512 + [True] * 8


def test_float32_is_used_only_where_every_sum_is_exact():
    small, wide = lst1(1, 0, 1), lst1(4095, 0, 1)
    bits = [layer.dtype for layer in reference._prepared(small)]
    assert bits == [np.float32] * 3
    assert reference._prepared(wide)[0].dtype is np.float64  # 28 * 4095 * 255 > 2**24


def test_float32_gives_the_logits_of_float64(monkeypatch):
    networks = list(corner_networks()) + [random_network(seed, shift=seed) for seed in range(12)]
    networks += [
        random_network_of(kind, seed, per_channel=True, shift=seed) for kind in KINDS for seed in range(4)
    ]
    for network in networks:
        images = random_images(network, 20)
        found = logits(network, images)
        with monkeypatch.context() as context:
            context.setattr(reference, "_FLOAT32_EXACT", 0)
            np.testing.assert_array_equal(found, logits(network, images))


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513])
def test_every_number_of_images_gives_as_many_logits(count):
    network = random_network(3)
    images = random_images(network, count)
    found = logits(network, images)
    assert found.shape == (count, 3) and found.dtype == np.int64
    for number in (0, count - 1) if count else ():
        np.testing.assert_array_equal(found[number], logits(network, images[number : number + 1])[0])


def test_flat_images_give_the_logits_of_square_ones():
    network = lst1(1, 0, np.arange(-512, 512))
    images = corner_images()
    np.testing.assert_array_equal(logits(network, images.reshape(-1, 784)), logits(network, images))


def test_hidden_ends_with_the_logits():
    network = random_network(5)
    images = random_images(network, 7)
    codes = outputs(network, images)
    assert [array.shape for array in codes] == [(7, 3, 5), (7, 5, 5), (7, 3)]
    np.testing.assert_array_equal(codes[-1], logits(network, images))


@pytest.mark.parametrize(
    "bits, codes", [(8, [0, 1, 127, 128, 255]), (4, [0, 0, 7, 8, 15]), (1, [0, 0, 0, 1, 1])]
)
def test_pixel_codes_are_the_upper_bits(bits, codes):
    np.testing.assert_array_equal(pixel_codes(np.array([0, 1, 127, 128, 255], np.uint8), bits), codes)


def test_the_lowest_class_wins_a_tie():
    np.testing.assert_array_equal(classify(np.array([[1, 3, 3], [5, 5, 5], [-2, -1, -1]])), [1, 0, 1])


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((1, 28, 28)), "images must be uint8 pixels 0..255, not float64"),
        (
            np.zeros((1, 28, 27), np.uint8),
            r"images must have shape \(N, 28, 28\) or \(N, 784\), not \(1, 28, 27\)",
        ),
        (np.zeros((28, 28), np.uint8), "images must have shape"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        logits(lst1(1, 0, 0), images)


def test_the_reference_needs_numpy_alone():
    """The board has no torch, no fxpmath and no migen."""
    package = Path(reference.__file__).parent
    imports = {
        line.split()[1].split(".")[0]
        for file in package.glob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith(("import ", "from ")) and not line.startswith("from .")
    }
    assert imports - {"numpy", "__future__"} <= set(sys.stdlib_module_names)
