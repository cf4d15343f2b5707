import numpy as np
import pytest
import torch

from model.networks import LST, LST1, pixel_values
from tests.model.small import random_images, random_network


def test_lst1_has_9474_parameters():
    assert sum(parameter.numel() for parameter in LST1().parameters()) == 9474


@pytest.mark.parametrize("d_in, d_out", [(28, 28), (5, 3)])
def test_lst_has_2_d_in_plus_1_d_out_parameters(d_in, d_out):
    assert sum(parameter.numel() for parameter in LST(d_in, d_out).parameters()) == 2 * (d_in + 1) * d_out


def test_lst_is_the_published_formula():
    torch.manual_seed(0)
    lst = LST(5, 3).double()
    for layer in (lst.rows, lst.columns):
        torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 5, 5, dtype=torch.float64)
    w1, b1, w2, b2 = (p.detach().numpy() for p in (lst.rows.weight, lst.rows.bias, lst.columns.weight, lst.columns.bias))
    for found, image in zip(lst(x).detach().numpy(), x.numpy()):
        h = np.array([[np.tanh(w1[o] @ image[r] + b1[o]) for o in range(3)] for r in range(5)])
        y = np.array([[np.tanh(w2[p] @ h[:, o] + b2[p]) for o in range(3)] for p in range(3)])
        np.testing.assert_allclose(found, y, rtol=1e-12)


def test_the_classifier_flattens_row_major():
    network = random_network(0, d_in=4, d_out=3, classes=2)
    images = random_images(0, 2, size=4)
    y = network.lst(pixel_values(images))
    expected = torch.einsum("cpo,npo->nc", network.classifier.weight.view(2, 3, 3), y) + network.classifier.bias
    torch.testing.assert_close(network(images), expected)


def test_the_activation_is_an_argument():
    network = LST1(activation=torch.nn.ReLU)
    assert isinstance(network.lst.rows_activation, torch.nn.ReLU)


def test_pixels_are_symmetric_about_zero():
    assert pixel_values(torch.tensor([0, 127, 128, 255], dtype=torch.uint8)).tolist() == [-255 / 256, -1 / 256, 1 / 256, 255 / 256]


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_pixel_code_stands_for_the_middle_of_its_interval(bits):
    images = torch.arange(256, dtype=torch.uint8)
    coarse, whole = pixel_values(images, bits), pixel_values(images)
    for value in coarse.unique():
        assert whole[coarse == value].mean() == pytest.approx(float(value), abs=1e-6)
