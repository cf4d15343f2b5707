import dataclasses

import numpy as np
import pytest

from lst_overlay.network import Activation, Axis, Layer, Network, NetworkError
from tests.network.networks import lst1, random_network


def dense(fan_in=4, fan_out=2, **changes):
    return Layer(**{"axis": Axis.DENSE, "weights_q": np.zeros((fan_out, fan_in), np.int64), "bias_q": np.zeros(fan_out, np.int64),
                    "weights_width": 4, "weights_step": 1.0, **changes})


def activation(**changes):
    return Activation(**{"shift": 1, "index_width": 2, "index_step": 1.0, "table_q": np.array([-2, -1, 0, 1]), "width": 2,
                         "step": 1.0, **changes})


def test_lst1_has_9474_parameters():
    network = lst1(1, 0, 0)
    assert (network.parameters, network.classes) == (9474, 10)


@pytest.mark.parametrize("changes, message", [
    ({"weights_q": np.zeros(4, np.int64)}, "weights_q must have shape"),
    ({"bias_q": np.zeros(3, np.int64)}, "bias_q must have shape"),
    ({"weights_width": 1}, "weights_width must be 2..16"),
    ({"weights_q": np.full((2, 4), -8)}, r"weights_q must lie in -7..7, found -8..-8"),
    ({"weights_q": np.zeros((2, 4), np.int32)}, "weights_q must be int64"),
    ({"weights_step": 0.0}, "weights_step must be a positive finite number"),
    ({"bias_q": np.array([0, 2**31])}, "bias_q must lie in -2147483648..2147483647"),
    ({"weights_q": np.zeros((0, 4), np.int64), "bias_q": np.zeros(0, np.int64)}, "weights_q must not be empty"),
])
def test_a_layer_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        dense(**changes)


@pytest.mark.parametrize("changes, message", [
    ({"shift": 32}, "shift must be 0..31"),
    ({"width": 17}, "activation width must be 1..16 bits, not 17"),
    ({"shift": -1}, "shift must be 0..31"),
    ({"index_width": 11}, "index_width must be 1..10"),
    ({"table_q": np.zeros(3, np.int64)}, "table must have shape"),
    ({"table_q": np.array([-3, 0, 0, 0])}, "table must lie in -2..1"),
    ({"step": float("nan")}, "step must be a positive finite number"),
])
def test_an_activation_refuses(changes, message):
    with pytest.raises(NetworkError, match=message):
        activation(**changes)


@pytest.mark.parametrize("layers, message", [
    ((), "at least one layer"),
    ((dense(fan_in=5),), "fan_in must be 4"),
    ((dense(activation=activation()),), "the last layer has no activation"),
    ((dense(), dense(fan_in=2)), "every layer but the last has an activation"),
    ((dense(axis=Axis.ROWS, fan_in=2),), "the last layer must be dense"),
])
def test_a_network_refuses(layers, message):
    with pytest.raises(NetworkError, match=message):
        Network("n", "test", 8, (2, 2), layers)


@pytest.mark.parametrize("pixel_bits", [0, 9])
def test_a_network_refuses_impossible_pixels(pixel_bits):
    with pytest.raises(NetworkError, match="pixel_bits must be 1..8"):
        Network("n", "test", pixel_bits, (2, 2), (dense(),))


def test_accumulators_of_31_bits_are_accepted_and_of_32_refused():
    def network(bias):
        return Network("n", "test", 8, (2, 2), (dense(bias_q=np.array([bias, 0])),))

    network((1 << 30) - 1), network(-(1 << 30))
    for bias in (1 << 30, -(1 << 30) - 1):
        with pytest.raises(NetworkError, match="accumulators need 32 bits, at most 31"):
            network(bias)


def test_acc_bounds_are_reached_and_not_passed():
    layer = random_network(1).layers[0]
    corners = np.where(layer.weights_q[:, :, None] > 0, [255, 0], [0, 255])  # per output: the best and the worst input
    acc = (layer.weights_q[:, :, None] * corners).sum(axis=1) + layer.bias_q[:, None]
    assert layer.acc_bounds(0, 255) == (acc.min(), acc.max())


def test_layers_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        dense().weights_width = 5
