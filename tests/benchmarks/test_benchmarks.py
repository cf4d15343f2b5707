"""The benchmarks run, and what they compare is equal; their times are not judged."""

import numpy as np
import pytest

from benchmarks import driver, reference
from lst_overlay.network import load_network, logits
from lst_overlay.samples.shipped_networks import find
from tools import board_package


@pytest.mark.parametrize("name", ["lst1_q6.7", "lst1_w4a4p2"])
def test_the_baseline_computes_the_references_logits(name):
    network = load_network(find(name))
    images = np.random.default_rng(1).integers(0, 256, (3, *network.image_shape), dtype=np.uint8)
    np.testing.assert_array_equal(reference.plain_int64(network, images), logits(network, images))


def test_the_driver_is_measured_for_every_layout_and_the_page_shows_it(monkeypatch):
    monkeypatch.setattr(driver, "BATCHES", (3,))
    monkeypatch.setattr(driver, "REPEATS", 1)
    calls = list(driver.calls())
    assert [call["pixels"] for call in calls] == list(driver.LAYOUTS)
    assert all(0 < call["python_ms"] and 0 < call["copies_ms"] < call["predict_ms"] for call in calls)
    figures = board_package.PAGE.figures()
    text = board_package.PAGE.text({**figures, "driver": {**figures["driver"], "calls": calls}})
    assert f"| packed, 4 bits | 3 | {calls[-1]['predict_ms']:.3f} |" in text
