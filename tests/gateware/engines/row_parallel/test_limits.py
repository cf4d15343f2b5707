"""Networks that the row-parallel engine cannot hold are refused before synthesis, with rule and value."""

import dataclasses

import numpy as np
import pytest

from gateware.designs import ENGINES, make_design
from gateware.engines.row_parallel import limits
from gateware.engines.row_parallel.limits import check
from gateware.reports import ladder
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find
from tests.driver.network.lst.chains import chain_network
from tests.driver.network.lst.networks import random_network

TWO, FOUR = load_network(find("lst1_w4a4p2")), load_network(find("lst1_w5c4a4p4"))


def test_what_is_shipped_for_it_fits():
    check(TWO, ImageLayout((28, 28), 2, 2))
    check(TWO, ImageLayout((28, 28), 2))
    check(FOUR, ImageLayout((28, 28), 4, 4))


def test_packed_pixels_must_be_the_networks():
    with pytest.raises(NetworkError, match="'lst1_w4a4p2' has pixels of 2 bits; packed ones have 4 here"):
        check(TWO, ImageLayout((28, 28), 4, 4))


def test_pixels_that_cannot_be_packed():
    with pytest.raises(
        NetworkError,
        match="'lst1_q6.7': packed pixels have 2 bits, .* not 8 bits with rows_per_vector = 1: row_par",
    ):
        make_design("row_parallel", load_network(find("lst1_q6.7")))


def test_activations_too_wide_for_the_products():
    with pytest.raises(
        NetworkError, match="'lst1_q6.7': the classifier takes activations of at most 4 bits, not 13"
    ):
        check(load_network(find("lst1_q6.7")), ImageLayout((28, 28)))


def test_weights_that_need_too_many_additions():
    layers = list(TWO.layers)
    for number in (0, 1):
        layers[number] = dataclasses.replace(
            layers[number],
            weights_width=9,
            weights_q=np.random.default_rng(number).integers(-255, 256, (28, 28)),
        )
    with pytest.raises(
        NetworkError, match=r"needs about [\d,]+ LUT, 80% of the XC7Z010's are 14,080: fewer bits of weights"
    ):
        check(dataclasses.replace(TWO, layers=tuple(layers)), ImageLayout((28, 28), 2, 2))


def test_more_than_three_quarters_of_the_slices(monkeypatch):
    monkeypatch.setattr(limits, "SLICES", 1_600)
    with pytest.raises(
        NetworkError,
        match=r"'lst1_w4a4p2' needs at least 1,\d+ slices, 75% of the XC7Z010's are 1,200: fewer bits",
    ):
        check(TWO, ImageLayout((28, 28), 2, 2))


def test_sums_of_the_classifier_that_are_too_great_for_their_adders():
    """Fourteen rows of +-31 at -8 sum up to 3,472; of a column that is mixed, both signs count."""
    dense = TWO.layers[2]
    weights = np.resize([31, -31], dense.weights_q.shape)
    layers = (*TWO.layers[:2], dataclasses.replace(dense, weights_width=6, weights_q=weights))
    with pytest.raises(
        NetworkError,
        match="the classifier adds up half of a column in 12 bits, its sums reach 3,472: fewer bits of class",
    ):
        check(dataclasses.replace(TWO, layers=layers), ImageLayout((28, 28), 2, 2))


def test_lst2_in_three_bits_needs_too_many_lut():
    with pytest.raises(NetworkError, match=r"'lst2_w3c4a4p4' needs about 16,\d+ LUT, 80% of .* are 14,080"):
        make_design("row_parallel", load_network(find("lst2_w3c4a4p4")))


def test_a_shipped_network_of_six_bits_fits():
    check(load_network(find("lst1_w6a4p4")), ImageLayout((28, 28), 4, 4))


def test_products_too_wide_for_the_block_ram(monkeypatch):
    monkeypatch.setattr(limits, "RAMB18", 80)
    with pytest.raises(
        NetworkError, match=r"needs about \d+ RAMB18, the XC7Z010 has 80: fewer bits of classifier weights"
    ):
        check(TWO, ImageLayout((28, 28), 2, 2))


ROW_PARALLEL = [name for name in ENGINES if name.startswith("row_parallel")]


@pytest.mark.parametrize("engine", ROW_PARALLEL)
@pytest.mark.parametrize("side", [(10, 10), (12, 26), (9, 12)])
def test_images_whose_rows_do_not_fill_beats(engine, side):
    network = chain_network(1, side, [(12, 12)], 3, pixel_bits=4)
    with pytest.raises(
        NetworkError,
        match=rf"multiple of 4 and its pixels of 8, .*, not {side[0]} x {side[1]}: the engine pixel",
    ):
        make_design(engine, network)


@pytest.mark.parametrize("engine", ["row_parallel_uint8x2", "row_parallel_uint8x4"])
def test_images_that_cannot_be_interleaved(engine):
    network = chain_network(1, (10, 12), [(12, 12)], 3, pixel_bits=4)
    with pytest.raises(NetworkError, match=r"'chain': .* shape \(10, 12\) has 120 bytes"):
        make_design(engine, network)


@pytest.mark.parametrize("engine", ROW_PARALLEL)
def test_sums_with_an_earlier_layer(engine):
    network = chain_network(1, (12, 12), [(12, 12)] * 2, 3, adds={3: 1}, pixel_bits=4)
    with pytest.raises(
        NetworkError, match="adds the output of an earlier layer, which is not kept: the engine"
    ):
        make_design(engine, network)


def test_classes_that_do_not_leave_within_an_image():
    network = chain_network(1, (12, 12), [(12, 12)], 12, pixel_bits=4)
    with pytest.raises(NetworkError, match="classes must be 2..11, not 12: the logits .* in its 12 clocks"):
        make_design("row_parallel", network)


def test_a_single_class():
    network = chain_network(1, (12, 12), [(12, 12)], 1, pixel_bits=4)
    with pytest.raises(NetworkError, match="classes must be 2..11, not 1: the logits"):
        make_design("row_parallel", network)


@pytest.mark.parametrize("rows, features, clocks", [(2, 12, 2), (40, 12, 40), (12, 34, 34)])
def test_images_that_enter_in_too_few_or_too_many_clocks(rows, features, clocks):
    network = chain_network(1, (rows, 12), [(12, features)], 3, pixel_bits=4)
    with pytest.raises(NetworkError, match=rf"must enter in 4..32 clocks, .* not {clocks}$"):
        make_design("row_parallel_uint8", network)


def test_images_of_too_few_pixels():
    with pytest.raises(NetworkError, match="'random': an image must enter in 4..32 clocks, .* not 3$"):
        check(random_network(1), ImageLayout((28, 28), 2, 2))


def test_the_generator_asks():
    with pytest.raises(NetworkError, match="at most 4 bits, not 13"):
        make_design("row_parallel_uint8", load_network(find("lst1_q6.7")))


@pytest.mark.parametrize(
    "engine, network, message",
    [
        ("row_parallel", None, "engine row_parallel has its network built in, and none is given"),
        (
            "pixel_serial",
            TWO,
            "engine pixel_serial takes its network at run time, 'lst1_w4a4p2' cannot be built in",
        ),
        ("resmlp_array", TWO, "of the family lst, where one of the family resmlp is needed"),
    ],
)
def test_engines_with_and_without_a_network(engine, network, message):
    with pytest.raises(NetworkError, match=message):
        make_design(engine, network)


RUNGS = [rung for rung in ladder.PAGE.figures()["rungs"] if ENGINES[rung["ideal"]["engine"]].number == 1]


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: "{engine}-{network}".format(**rung["ideal"]))
def test_the_estimate_is_what_synthesis_found(rung):
    network = load_network(find(rung["ideal"]["network"]))
    found = limits.estimate(network, ENGINES[rung["ideal"]["engine"]].layout(network))
    assert found.ramb18 == rung["top"]["ramb18"]
    assert found.lut == pytest.approx(rung["top"]["lut"], rel=0.02)
    assert found.slices == pytest.approx(rung["top"]["slices"], rel=0.02)
