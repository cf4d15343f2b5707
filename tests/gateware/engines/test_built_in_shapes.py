"""Networks of other shapes than 28 x 28 and ten classes, built in."""

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay.network import classify, logits
from lst_overlay.simulator.board import SimulatedBoard
from tests.conftest import simulated_bitstream
from tests.driver.network.lst.chains import chain_network

NARROW = {"weights_width": 5, "width": 4, "pixel_bits": 4, "shift": 3}
CASES = {
    "folded": chain_network(1, (9, 8), [(11, 7)], 13, **NARROW),
    "pixel_pairs": chain_network(2, (12, 8), [(9, 10)] * 3, 11, adds={5: 1}, **NARROW),
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
