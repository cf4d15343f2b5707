from functools import partial

import numpy as np
import pytest
import torch

from lst_overlay.network import Axis
from model.networks.activations import Activation, LerpPSA, PiecewiseLinear, ReLU
from model.networks.lst import (
    LST,
    LST1,
    LST2,
    MLP,
    NETWORKS,
    ResLST3,
    columns_first,
    flatten,
    parameters_of,
    pixel_values,
)
from tests.model.small import KINDS, random_images, small_network


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    "name, count",
    [("lst1", 9474), ("lst2", 11098), ("reslst3", 12722), ("784-10", 7850), ("784-40-10", 31810)],
)
def test_the_published_numbers_of_parameters(name, count):
    assert parameters(NETWORKS[name]()) == count


@pytest.mark.parametrize("d_in, d_out, classes", [(28, 28, 10), (5, 3, 2), (4, 7, 3)])
@pytest.mark.parametrize("kind", [LST1, LST2, ResLST3])
def test_a_transform_has_2_d_in_plus_1_d_out_parameters(kind, d_in, d_out, classes):
    later = (kind.transforms - 1) * 2 * (d_out + 1) * d_out
    first, network = LST((d_in, d_in), (d_out, d_out)), kind((d_in, d_in), (d_out, d_out), classes)
    assert parameters(first) == 2 * (d_in + 1) * d_out
    assert parameters(network) == parameters(first) + later + (d_out**2 + 1) * classes


@pytest.mark.parametrize("d_in, hidden, classes", [(28, (40,), 10), (5, (), 2), (4, (7, 6), 3)])
def test_a_fully_connected_network_has_fan_in_plus_1_fan_out_parameters(d_in, hidden, classes):
    widths = (d_in * d_in, *hidden, classes)
    assert parameters(MLP(hidden, (d_in, d_in), classes)) == sum(
        (fan_in + 1) * fan_out for fan_in, fan_out in zip(widths, widths[1:])
    )


@pytest.mark.parametrize(
    "activation, count",
    [
        (partial(PiecewiseLinear, knots=33), 9540),
        (partial(PiecewiseLinear, knots=9, per_channel=True), 9978),
        (LerpPSA, 9474 + 2 * 26),
        (partial(LerpPSA, per_channel=True), 9474 + 2 * 28 * 26),
        (ReLU, 9474),
    ],
)
def test_learned_functions_have_parameters_of_their_own(activation, count):
    assert parameters(LST1(activation=activation)) == count


def layer(linear):
    return linear.weight.detach().numpy(), linear.bias.detach().numpy()


def transform(lst, x):
    """H[r, o] = tanh(sum_k W1[o, k] X[r, k] + b1[o]), Y[p, o] = tanh(sum_r W2[p, r] H[r, o] + b2[p])."""
    (w1, b1), (w2, b2) = layer(lst.rows), layer(lst.columns)
    h = np.array(
        [
            [np.tanh(sum(w1[o, k] * x[r, k] for k in range(x.shape[1])) + b1[o]) for o in range(len(w1))]
            for r in range(len(x))
        ]
    )
    return np.array(
        [
            [np.tanh(sum(w2[p, r] * h[r, o] for r in range(len(h))) + b2[p]) for o in range(h.shape[1])]
            for p in range(len(w2))
        ]
    )


def classified(network, y):
    """The classifier takes Y in row-major order: Y[p, o] has the index p * d_out + o."""
    w, b = layer(network.classifier)
    return [
        sum(w[c, p * y.shape[1] + o] * y[p, o] for p in range(y.shape[0]) for o in range(y.shape[1])) + b[c]
        for c in range(len(w))
    ]


def lst1(network, x):
    return classified(network, transform(network.lst[0], x))


def lst2(network, x):
    return classified(network, transform(network.lst[1], transform(network.lst[0], x)))


def reslst3(network, x):
    z = transform(network.lst[0], x)
    return classified(network, transform(network.lst[2], transform(network.lst[1], z)) + z)


def mlp_hidden(network, x):
    x = x.reshape(-1)
    for linear in network.hidden:
        w, b = layer(linear)
        x = np.tanh(w @ x + b)
    w, b = layer(network.classifier)
    return w @ x + b


@pytest.mark.parametrize("formula", [lst1, lst2, reslst3, mlp_hidden], ids=lambda formula: formula.__name__)
@pytest.mark.parametrize("d_in, d_out, classes", [(5, 4, 3), (4, 6, 2)])
def test_a_network_is_the_published_formula(formula, d_in, d_out, classes):
    network, images = (
        small_network(formula.__name__, d_in=d_in, d_out=d_out, classes=classes, gain=2.0),
        random_images(0, 3, d_in),
    )
    wanted = [formula(network, (image + 0.5) / 128 - 1) for image in images.numpy().astype(np.float64)]
    np.testing.assert_allclose(network(images).detach().numpy(), wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", [LST1, LST2, ResLST3])
def test_rows_side_by_side_are_rows_of_twice_as_many_pixels(kind):
    """The same bytes of memory: the network is that of images of half as many rows, twice as long."""
    torch.manual_seed(0)
    pairs = kind((6, 4), (3, 5), 2, rows_per_vector=2)
    assert [layer.weight.shape for layer in (pairs.lst[0].rows, pairs.lst[0].columns)] == [(5, 8), (3, 3)]
    plain = kind((3, 8), (3, 5), 2)
    plain.load_state_dict(pairs.state_dict())
    images = random_images(0, 3, 12)[:, :6, :4]
    assert pairs.image_shape == (6, 4)
    assert torch.equal(pairs(images), plain(images.reshape(3, 3, 8)))


def test_lst_is_the_published_formula_to_the_last_digit():
    torch.manual_seed(0)
    lst = LST((5, 5), (3, 3)).double()
    for linear in (lst.rows, lst.columns):
        torch.nn.init.normal_(linear.bias)
    images = torch.randn(2, 5, 5, dtype=torch.float64)
    found = lst(columns_first(images)).permute(1, 2, 0)
    np.testing.assert_allclose(
        found.detach().numpy(), [transform(lst, x) for x in images.numpy()], rtol=1e-12
    )


def test_flatten_is_row_major():
    y = torch.arange(24).view(2, 3, 4)  # N, p, o
    assert torch.equal(flatten(columns_first(y)), y.flatten(1))


@pytest.mark.parametrize(
    "kind, axes, adds",
    [
        ("lst1", "rows columns dense", {}),
        ("lst1_rows", "rows columns dense", {}),
        ("lst2", "rows columns rows columns dense", {}),
        ("reslst3", "rows columns rows columns rows columns dense", {5: 1}),
        ("mlp", "dense", {}),
        ("mlp_hidden", "dense dense dense", {}),
    ],
)
def test_stages_are_the_layers_in_the_order_of_computation(kind, axes, adds):
    network = small_network(kind)
    stages = network.stages()
    assert [stage.axis for stage in stages] == [Axis(axis) for axis in axes.split()]
    assert {number: stage.add for number, stage in enumerate(stages) if stage.add is not None} == adds
    assert [stage.activation is None for stage in stages] == [False] * (len(stages) - 1) + [True]
    assert sum(parameters(stage.linear) for stage in stages) == parameters(network)


@pytest.mark.parametrize("kind", KINDS)
def test_the_activation_is_an_argument(kind):
    stages = small_network(kind, "relu").stages()
    assert all(isinstance(stage.activation, ReLU) for stage in stages[:-1])


def test_the_columns_have_a_function_for_each_row_of_the_result():
    """Y[p, o] = f_p(...): a channel is an output of the layer."""
    torch.manual_seed(0)
    lst = LST((5, 5), (3, 3), partial(PiecewiseLinear, knots=2, per_channel=True))
    lst.columns_activation.values.data = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    y = lst(torch.randn(5, 2, 5)).permute(1, 2, 0)
    assert torch.equal(y, torch.tensor([1.0, 2.0, 3.0])[:, None].expand(2, 3, 3))


class Record(Activation):
    """An activation that keeps its input."""

    def __init__(self, channels):
        super().__init__()

    def forward(self, x, channel_axis):
        self.given = x
        return torch.tanh(x)


@pytest.mark.parametrize("kind", [LST1, LST2, ResLST3, partial(MLP, (4, 4))])
def test_dropout_comes_before_each_activation(kind):
    network, images = (
        kind(image_shape=(5, 5), classes=2, activation=Record, dropout=1.0),
        random_images(0, 2, 5),
    )
    for train in (True, False):
        for stage in network.stages():
            torch.nn.init.ones_(stage.linear.bias)
        network.train(train)(images)
        assert [bool(stage.activation.given.any()) for stage in network.stages()[:-1]] == [not train] * (
            len(network.stages()) - 1
        )


@pytest.mark.parametrize(
    "network",
    [
        LST1((5, 5), (3, 3), 2, dropout=1.0),
        ResLST3((5, 5), (3, 3), 2, dropout=1.0),
        MLP((4,), (5, 5), 2, dropout=1.0),
    ],
    ids=lambda network: network.kind,
)
def test_dropout_acts_on_the_logits_in_training_alone(network):
    images = random_images(0, 4, 5)
    assert not network.train()(images).any()
    assert network.eval()(images).all()


def test_pixels_are_symmetric_about_zero():
    assert pixel_values(torch.tensor([0, 127, 128, 255], dtype=torch.uint8)).tolist() == [
        -255 / 256,
        -1 / 256,
        1 / 256,
        255 / 256,
    ]


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_pixel_code_stands_for_the_middle_of_its_interval(bits):
    images = torch.arange(256, dtype=torch.uint8)
    coarse, whole = pixel_values(images, bits), pixel_values(images)
    for value in coarse.unique():
        assert whole[coarse == value].mean() == pytest.approx(float(value), abs=1e-6)


@pytest.mark.parametrize("name", ["lst1", "reslst3", "784-40-10"])
def test_normalisation_goes_into_the_weights(name):
    torch.manual_seed(0)
    normalized, plain = NETWORKS[name](normalize=True), NETWORKS[name]()
    images = random_images(0, 20)
    for _ in range(5):
        normalized.train()(images)  # moves the running mean and variance
    for norm in (module for module in normalized.modules() if isinstance(module, torch.nn.BatchNorm1d)):
        norm.weight.data.uniform_(0.5, 2)
        norm.bias.data.uniform_(-1, 1)
    for stage, folded in zip(plain.stages(), normalized.stages()):
        stage.linear.load_state_dict(folded.linear.state_dict())
    torch.testing.assert_close(plain.eval()(images), normalized.eval()(images), rtol=1e-4, atol=1e-5)
    assert parameters_of(normalized) == parameters_of(plain) == parameters(plain)
