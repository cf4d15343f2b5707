"""Networks too wide for two weights per multiplier are refused before synthesis, with rule and value."""

import dataclasses

import numpy as np
import pytest

from gateware.designs import make_design
from gateware.engines.pixel_pairs.engine import check
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.lst.networks import random_network

SHIPPED = load_network(find("lst1_w6a4p4"))


def with_weights(width):
    """Make a network whose row weights have ``width`` bits, with the largest possible sums in one output."""
    rows = SHIPPED.layers[0]
    weights = np.zeros((28, 28), int)
    weights[0] = (1 << width - 1) - 1
    layer = dataclasses.replace(rows, weights_q=weights, weights_width=width, bias_q=np.zeros(28, int))
    return dataclasses.replace(SHIPPED, layers=(layer, *SHIPPED.layers[1:]))


def test_networks_up_to_the_limit_are_taken():
    check(SHIPPED)
    check(with_weights(8))  # 28 * 15 * 127 needs 17 bits, the weight 8 more.


def test_a_sum_and_a_weight_that_do_not_fit_a_multiplier():
    message = (
        r"a sum of the rows stage \(18 bits\) and a weight \(9 bits\) must fit the 25 bits of a multiplier"
    )
    message += ": fewer bits of pixels"
    with pytest.raises(NetworkError, match=message):
        check(with_weights(9))
    with pytest.raises(NetworkError, match=r"'lst1_q6.7': a sum of the rows stage .* must fit the 25 bits"):
        make_design("pixel_pairs", load_network(find("lst1_q6.7")))


@pytest.mark.parametrize("engine", ["pixel_pairs", "folded"])
def test_another_shape_is_refused(engine):
    with pytest.raises(NetworkError, match="is not an LST-1 of 28x28"):
        make_design(engine, random_network(1))
