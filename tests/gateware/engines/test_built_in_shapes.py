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
    "row_parallel_uint8": chain_network(4, (12, 16), [(15, 13)], 15, **NARROW),
    "row_parallel_uint8x2": chain_network(5, (12, 12), [(13, 5)] * 2, 2, **NARROW),
}


@pytest.mark.parametrize("engine", CASES)
def test_any_shape_and_number_of_classes(engine, tmp_path):
    network = CASES[engine]
    bitfile = simulated_bitstream(tmp_path, engine, network)
    shape = (100, *network.image_shape)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected, board = logits(network, images), SimulatedBoard()
    with LST1Overlay(bitfile, device=board) as overlay:
        assert overlay.layout.shape == network.image_shape
        np.testing.assert_array_equal(overlay.logits(images), expected)
        np.testing.assert_array_equal(overlay.predict(images), classify(expected))
    assert board.violations() == []


@pytest.mark.parametrize("engine", ["folded", "pixel_pairs", "row_parallel", "row_parallel_uint8"])
def test_several_rows_per_vector_are_refused_even_where_the_matrices_fit(engine):
    side = 28 if engine.startswith("row_parallel") else 16
    network = chain_network(1, (side, side), [(side, side)], **NARROW)
    network = dataclasses.replace(network, image_shape=(2 * side, side // 2), rows_per_vector=2)
    with pytest.raises(NetworkError, match="takes one row of an image as a vector, not 2"):
        make_design(engine, network)
