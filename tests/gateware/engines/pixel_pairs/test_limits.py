"""Networks beyond the limits of the engine are refused before synthesis, with rule and value."""

import dataclasses

import numpy as np
import pytest

from gateware.designs import make_design
from gateware.engines.pixel_pairs.limits import check
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.lst.chains import chain_network

SHIPPED = load_network(find("lst1_w6a4p4"))


def with_weights(width):
    """Make a network whose row weights have ``width`` bits, with the largest possible sums in one output."""
    rows = SHIPPED.layers[0]
    weights = np.zeros((28, 28), int)
    weights[0] = (1 << width - 1) - 1
    layer = dataclasses.replace(rows, weights_q=weights, weights_width=width, bias_q=np.zeros(28, int))
    return dataclasses.replace(SHIPPED, layers=(layer, *SHIPPED.layers[1:]))


def wide_classifier(classes):
    """Make a classifier of 8-bit weights, whose sums have 18 bits at least."""
    weights = np.full((classes, 784), 127)
    return dataclasses.replace(
        SHIPPED.layers[2], weights_q=weights, bias_q=np.zeros(classes, int), weights_width=8
    )


def narrow(**shape):
    """Make a random network of narrow codes."""
    return chain_network(1, **{"weights_width": 4, "width": 4, "pixel_bits": 4, **shape})


def test_networks_up_to_the_limit_are_taken():
    check(SHIPPED)
    check(with_weights(8))  # 28 * 15 * 127 needs 17 bits, the weight 8 more.
    check(narrow(side=(32, 32), features=((32, 32),), classes=16))
    check(narrow(side=(8, 8), features=((28, 20), (24, 28)), classes=24))
    check(narrow(side=(24, 24), features=((24, 24),), classes=32))
    check(narrow(side=(16, 16), features=((16, 16),) * 6, classes=10))


def test_a_sum_and_a_weight_that_do_not_fit_a_multiplier():
    message = (
        r"layer 0 \(rows\): a sum \(18 bits\) and a weight \(9 bits\) must fit the 25 bits of a multiplier"
    )
    message += ": fewer bits of pixels"
    with pytest.raises(NetworkError, match=message):
        check(with_weights(9))
    with pytest.raises(NetworkError, match=r"'lst1_q6.7': layer 0 \(rows\): a sum .* must fit the 25 bits"):
        make_design("pixel_pairs", load_network(find("lst1_q6.7")))


def test_more_multipliers_than_the_part_has():
    message = "needs 82 multipliers for matrices of 30 x 30 and 21 classes, the XC7Z010 has 80: fewer classes"
    with pytest.raises(NetworkError, match=message):
        check(narrow(side=(8, 8), features=((29, 8),), classes=21))


def test_wide_sums_of_the_classifier_take_a_multiplier_for_each_class():
    with pytest.raises(NetworkError, match="needs 82 multipliers .* and 13 classes"):
        check(dataclasses.replace(SHIPPED, layers=(*SHIPPED.layers[:2], wide_classifier(13))))


def test_more_block_ram_than_the_part_has():
    message = r"needs about 126 RAMB18, the XC7Z010 has 120: fewer layers"
    with pytest.raises(NetworkError, match=message):
        check(narrow(features=((28, 28),) * 20))


@pytest.mark.parametrize("engine", ["pixel_pairs", "folded"])
def test_an_image_that_fills_no_whole_beats(engine):
    with pytest.raises(NetworkError, match=r"must be a multiple of 8, the bytes of a beat, not 10 x 10"):
        make_design(engine, narrow(side=(10, 10)))


def test_rows_of_an_odd_number_of_pixels():
    with pytest.raises(NetworkError, match=r"columns of an image must be a multiple of 2, .* not 9"):
        check(narrow(side=(8, 9)))


@pytest.mark.parametrize("engine", ["pixel_pairs", "folded"])
def test_what_is_no_chain_of_rows_and_columns(engine):
    with pytest.raises(NetworkError, match="must be rows and columns in turn and one dense layer"):
        make_design(engine, dataclasses.replace(SHIPPED, image_shape=(1, 784), layers=SHIPPED.layers[2:]))


def test_two_pairs_of_layers_in_folded():
    with pytest.raises(NetworkError, match=r"must have one pair of layers along rows and columns, not 2"):
        make_design("folded", narrow(features=((28, 28),) * 2))
