import dataclasses

import numpy as np
import pytest

from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, NetworkError
from tests.driver.network.lst.networks import lst1, random_network


def dense(fan_in=4, fan_out=2, **changes):
    return Layer(
        **{
            "axis": Axis.DENSE,
            "weights_q": np.zeros((fan_out, fan_in), np.int64),
            "bias_q": np.zeros(fan_out, np.int64),
            "weights_width": 4,
            "weights_step": 1.0,
            **changes,
        }
    )


def activation(**changes):
    return Activation(
        **{
            "shift": 1,
            "index_width": 2,
            "index_step": 1.0,
            "table_q": np.array([-2, -1, 0, 1]),
            "width": 2,
            "step": 1.0,
            **changes,
        }
    )


def test_lst1_has_9474_parameters():
    network = lst1(1, 0, 0)
    assert (network.parameters, network.classes) == (9474, 10)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"weights_q": np.zeros(4, np.int64)}, "weights_q must have shape"),
        ({"bias_q": np.zeros(3, np.int64)}, "bias_q must have shape"),
        ({"weights_width": 1}, "weights_width must be a whole number in 2..16"),
        ({"weights_q": np.full((2, 4), -8)}, r"weights_q must lie in -7..7, found -8..-8"),
        ({"weights_q": np.zeros((2, 4))}, "weights_q must hold integers, not float64"),
        ({"weights_q": np.full((2, 4), 2**63, np.uint64)}, "weights_q must lie in -7..7, found 92233"),
        ({"weights_q": np.ma.zeros((2, 4), np.int64)}, "weights_q must not be a masked array"),
        ({"weights_width": True}, "weights_width must be a whole number in 2..16, not True"),
        ({"weights_step": 10**400}, "weights_step must be a positive finite number, not 1000"),
        ({"weights_step": "1"}, "weights_step must be a positive finite number, not 1"),
        ({"add": -1}, "add must be a whole number in 0.."),
        ({"weights_step": 0.0}, "weights_step must be a positive finite number"),
        ({"bias_q": np.array([0, 2**31])}, "bias_q must lie in -2147483648..2147483647"),
        (
            {"weights_q": np.zeros((0, 4), np.int64), "bias_q": np.zeros(0, np.int64)},
            "weights_q must not be empty",
        ),
    ],
)
def test_a_layer_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        dense(**changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"shift": 32}, "shift must be a whole number in 0..31, not 32"),
        ({"shift": 2.5}, "shift must be a whole number in 0..31, not 2.5"),
        ({"width": 17}, "activation width must be a whole number in 1..16, not 17"),
        ({"shift": -1}, "shift must be a whole number in 0..31, not -1"),
        ({"index_width": 11}, "index_width must be a whole number in 1..10"),
        ({"table_q": np.zeros(3, np.int64)}, "table must have shape"),
        ({"table_q": np.array([-3, 0, 0, 0])}, "table must lie in -2..1"),
        ({"step": float("nan")}, "step must be a positive finite number"),
        (
            {"table_q": np.zeros((2, 2, 4), np.int64)},
            r"table must have shape \(4,\) or \(channels, 4\), not \(2, 2, 4\)",
        ),
        (
            {"table_q": np.zeros((2, 3), np.int64)},
            r"table must have shape \(4,\) or \(channels, 4\), not \(2, 3\)",
        ),
        (
            {"table_q": np.zeros((2, 512), np.int64), "index_width": 9},
            "index_width with a table per channel must be a whole number in 1..8, not 9",
        ),
        ({"table_q": np.array([[0, 0, 0, 0], [0, 0, 0, 2]])}, "table must lie in -2..1, found 0..2"),
    ],
)
def test_an_activation_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        activation(**changes)


def test_one_table_may_have_ten_index_bits_and_those_of_channels_eight():
    assert not activation(index_width=10, table_q=np.zeros(1024, np.int64)).per_channel
    assert activation(index_width=8, table_q=np.zeros((2, 256), np.int64)).per_channel


@pytest.mark.parametrize("tables", [1, 3])
def test_a_layer_refuses_another_number_of_tables_than_channels(tables):
    with pytest.raises(NetworkError, match=f"2 channels need as many tables, not {tables}"):
        dense(activation=activation(table_q=np.zeros((tables, 4), np.int64)))


def square(**changes):
    """A layer that may follow itself: rows of 2 x 2."""
    return dense(**{"axis": Axis.ROWS, "fan_in": 2, "activation": activation(), **changes})


def summed(*layers):
    return LSTNetwork("n", "test", 8, (2, 2), (*layers, dense()))


@pytest.mark.parametrize("add", [1, 2])
def test_a_layer_adds_only_an_earlier_one(add):
    with pytest.raises(
        NetworkError, match=f"layer 1 \\(rows\\): adds layer {add}, but only .* an earlier one"
    ):
        summed(square(), square(add=add), square())


def test_the_last_layer_adds_nothing():
    with pytest.raises(
        NetworkError, match="layer 1 \\(dense\\): adds layer 0, but only a layer with activation can add"
    ):
        LSTNetwork("n", "test", 8, (2, 2), (square(), dense(add=0)))


def test_summands_have_one_shape():
    with pytest.raises(
        NetworkError,
        match=r"layer 1 \(dense\): its output has shape \(2,\), that of layer 0, which it adds, \(2, 2\)",
    ):
        LSTNetwork("n", "test", 8, (2, 2), (square(), dense(activation=activation(), add=0), dense(fan_in=2)))


def test_summands_have_one_step():
    with pytest.raises(
        NetworkError, match="layer 1 \\(rows\\): summands must share one step, found 0.5 and 1.0"
    ):
        summed(square(), square(activation=activation(step=0.5), add=0))


def test_input_ranges_are_those_of_pixels_and_tables():
    network = summed(square(), square(activation=activation(table_q=np.array([0, 1, 0, -1]))))
    assert network.input_ranges == [(0, 255), (-2, 1), (-1, 1)]


def test_the_range_of_a_sum_is_that_of_both_summands():
    network = summed(square(), square(add=0), square(add=1))
    assert network.input_ranges == [(0, 255), (-2, 1), (-4, 2), (-6, 3)]


def test_tables_of_channels_give_one_range():
    network = summed(square(activation=activation(table_q=np.array([[0, 0, 0, 1], [-2, 0, 0, 0]]))))
    assert network.input_ranges[1] == (-2, 1)


def test_a_sums_range_counts_for_the_width_of_accumulators():
    """Weights that sum to 1 << 15 times 16-bit codes fit 31 bits; times a sum of two codes they do not."""
    wide = activation(width=16, table_q=np.array([-32768, 0, 0, 32767]))
    last = dense(weights_q=np.array([[16384, 16384, 0, 0]]), bias_q=np.zeros(1, np.int64), weights_width=16)
    LSTNetwork("n", "test", 8, (2, 2), (square(activation=wide), square(activation=wide), last))
    with pytest.raises(NetworkError, match="layer 2 \\(dense\\): accumulators need 32 bits"):
        LSTNetwork("n", "test", 8, (2, 2), (square(activation=wide), square(activation=wide, add=0), last))


@pytest.mark.parametrize(
    "layers, message",
    [
        ((), "at least one layer"),
        ((dense(fan_in=5),), "fan_in must be 4"),
        ((dense(activation=activation()),), "the last layer has no activation"),
        ((dense(), dense(fan_in=2)), "every layer but the last has an activation"),
        ((dense(axis=Axis.ROWS, fan_in=2),), "the last layer must be dense"),
    ],
)
def test_a_network_refuses(layers, message):
    with pytest.raises(NetworkError, match=message):
        LSTNetwork("n", "test", 8, (2, 2), layers)


@pytest.mark.parametrize("name", ["", "a/b", "..", "-o", "my net", "n\n", "n" * 65, "N\u00e9", None])
def test_a_name_that_files_cannot_have_is_refused(name):
    with pytest.raises(NetworkError, match="name must be 1 to 64 of letters"):
        LSTNetwork(name, "test", 8, (2, 2), (dense(),))


@pytest.mark.parametrize("pixel_bits", [0, 9])
def test_a_network_refuses_impossible_pixels(pixel_bits):
    with pytest.raises(NetworkError, match="pixel_bits must be a whole number in 1..8"):
        LSTNetwork("n", "test", pixel_bits, (2, 2), (dense(),))


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2)])
def test_a_network_refuses_images_that_are_no_rectangle(shape):
    with pytest.raises(NetworkError, match="image_shape must be \\(rows, columns\\), not \\("):
        LSTNetwork("n", "test", 8, shape, (dense(),))


@pytest.mark.parametrize("shape", [(-2, -2), (2.0, 2.0), (True, 4)])
def test_a_network_refuses_sides_that_are_no_positive_whole_numbers(shape):
    with pytest.raises(NetworkError, match="a side of image_shape must be a whole number in 1.."):
        LSTNetwork("n", "test", 8, shape, (dense(),))


def test_vectors_of_rows_have_the_pixels_of_several_rows():
    layers = (square(fan_in=6), dense(fan_in=4))
    network = LSTNetwork("n", "test", 8, (6, 2), layers, rows_per_vector=3)
    assert network.input_shape == (2, 6)
    assert "6x2 pixels of 8 bits, 3 rows per vector, " in repr(network)
    assert "per vector" not in repr(dataclasses.replace(network, image_shape=(2, 6), rows_per_vector=1))


@pytest.mark.parametrize("rows", [0, 5, 3, 2.0, True, None])
def test_rows_that_fill_no_vectors_are_refused(rows):
    with pytest.raises(NetworkError, match="rows_per_vector must (divide|be a whole number)"):
        LSTNetwork("n", "test", 8, (4, 1), (dense(),), rows_per_vector=rows)


def test_accumulators_of_31_bits_are_accepted_and_of_32_refused():
    def network(bias):
        return LSTNetwork("n", "test", 8, (2, 2), (dense(bias_q=np.array([bias, 0])),))

    network((1 << 30) - 1), network(-(1 << 30))
    for bias in (1 << 30, -(1 << 30) - 1):
        with pytest.raises(NetworkError, match="accumulators need 32 bits, at most 31"):
            network(bias)


def test_acc_bounds_are_reached_and_not_passed():
    layer = random_network(1).layers[0]
    corners = np.where(
        layer.weights_q[:, :, None] > 0, [255, 0], [0, 255]
    )  # per output: the best and the worst input
    acc = (layer.weights_q[:, :, None] * corners).sum(axis=1) + layer.bias_q[:, None]
    assert layer.acc_bounds(0, 255) == (acc.min(), acc.max())


def test_layers_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        dense().weights_width = 5
