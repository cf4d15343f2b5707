"""Networks of other shapes than 28 x 28 and ten classes, built in."""

import dataclasses

import numpy as np
import pytest

from gateware.designs import make_design
from lst_overlay import LST1Overlay
from lst_overlay.network import NetworkError, classify, logits
from lst_overlay.simulator.board import SimulatedBoard
from tests.conftest import simulated_bitstream
from tests.driver.network.lst.chains import chain_network

NARROW = {"weights_width": 5, "width": 4, "pixel_bits": 4, "shift": 3}
CASES = {
    "folded": chain_network(1, (9, 8), [(11, 7)], 13, **NARROW),
    "pixel_pairs": chain_network(2, (12, 8), [(9, 10)] * 3, 11, adds={5: 1}, **NARROW),
    "row_parallel": chain_network(3, (8, 12), [(9, 14), (11, 7)], 13, **NARROW),  # packed
    "row_parallel_uint8": chain_network(4, (12, 16), [(30, 13)], 5, **NARROW),
    "row_parallel_uint8x4": chain_network(6, (10, 8), [(12, 10)], 3, **NARROW),
}
PAIRS = dataclasses.replace(
    chain_network(6, (8, 24), [(20, 6)] * 2, 7, **NARROW),
    image_shape=(16, 12),
    rows_per_vector=2,
    pixel_bits=2,
)


@pytest.mark.parametrize("engine", CASES)
def test_any_shape_and_number_of_classes(engine, tmp_path):
    assert_right(engine, CASES[engine], tmp_path)


def test_several_rows_per_vector(tmp_path):
    assert_right("row_parallel", PAIRS, tmp_path)


def assert_right(engine, network, tmp_path):
    bitfile = simulated_bitstream(tmp_path, engine, network)
    shape = (100, *network.image_shape)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected, board = logits(network, images), SimulatedBoard()
    with LST1Overlay(bitfile, device=board) as overlay:
        assert overlay.layout.shape == network.image_shape
        np.testing.assert_array_equal(overlay.logits(images), expected)
        np.testing.assert_array_equal(overlay.predict(images), classify(expected))
    assert board.violations() == []


@pytest.mark.parametrize("engine", ["folded", "pixel_pairs"])
def test_several_rows_per_vector_are_refused_even_where_the_matrices_fit(engine):
    network = chain_network(1, (16, 16), [(16, 16)], **NARROW)
    network = dataclasses.replace(network, image_shape=(32, 8), rows_per_vector=2)
    with pytest.raises(NetworkError, match="takes one row of an image as a vector, not 2"):
        make_design(engine, network)
