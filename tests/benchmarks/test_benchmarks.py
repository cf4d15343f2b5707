"""The benchmarks run, and what they compare is equal; their times are not judged."""

import time

import numpy as np
import pytest

from benchmarks import driver, packing, reference
from gateware.reports import ladder
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import load_network, logits
from lst_overlay.samples.shipped_networks import find
from tools import board_package


@pytest.mark.parametrize("name", ["lst1_q6.7", "lst1_w4a4p2", "resmlp_lerp_psa_h1_w5a6"])
def test_the_baseline_computes_the_references_logits(name):
    network = load_network(find(name))
    images = np.random.default_rng(1).integers(0, 256, (3, *network.image_shape), dtype=np.uint8)
    np.testing.assert_array_equal(reference.plain_int64(network, images), logits(network, images))


def burn(seconds):
    """Take that much of the processor's time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_the_driver_is_measured_for_every_layout_and_the_pages_show_it(monkeypatch):
    monkeypatch.setattr(driver, "BATCHES", (3,))
    monkeypatch.setattr(driver, "STATED_IMAGES", 3)
    monkeypatch.setattr(driver, "REPEATS", 1)
    fill = ImageLayout.fill

    def slow(*arguments):
        burn(0.1)
        fill(*arguments)

    monkeypatch.setattr(ImageLayout, "fill", slow)
    calls = list(driver.calls())
    assert [(call["ports"], call["bits"] % 8) for call in calls] == list(driver.LAYOUTS)
    for call in calls:
        assert call["array_ms"] >= 100 and call["copies_ms"] >= 100
        assert 0 < call["memory_ms"] < 100 and 0 < call["python_ms"] < 100
        assert call["memory_images_per_second"] == pytest.approx(3e3 / call["memory_ms"])
        assert call["array_images_per_second"] == pytest.approx(3e3 / call["array_ms"])
    figures = board_package.PAGE.figures()
    measured = {**figures["driver"], "calls": calls}
    text = board_package.PAGE.text({**figures, "driver": measured})
    assert f"| packed, 4 bits | 4 | 3 | {calls[-1]['array_ms']:.3f} |" in text
    slow_calls = [{**call, "array_images_per_second": 7.0} for call in calls]
    shown = ladder.PAGE.text(
        {**ladder.PAGE.figures(), "python": driver.stated({**measured, "calls": slow_calls})}
    )
    assert shown.count("| 7 |") == len(ladder.PAGE.figures()["rungs"])


def test_a_board_with_images_in_memory_copies_none(monkeypatch):
    overlay = driver.overlay_of(ImageLayout((28, 28), 4, 4))
    images = overlay.pack(np.zeros((3, 784), np.uint8))
    monkeypatch.setattr(ImageLayout, "fill", None)
    assert overlay.predict(images).tolist() == [0, 0, 0]


def test_packing_is_measured_beside_a_plain_copy_for_every_layout(monkeypatch):
    monkeypatch.setattr(packing, "IMAGES", 300)
    monkeypatch.setattr(packing, "ROUNDS", 3)
    fill = ImageLayout.fill

    def slow(*arguments):
        burn(0.01)
        fill(*arguments)

    monkeypatch.setattr(ImageLayout, "fill", slow)
    rows = list(packing.layouts())
    assert [(row["ports"], row["bits"] % 8) for row in rows] == list(packing.LAYOUTS)
    for row in rows:
        assert row["fill_ns_per_image"] >= 1e7 / 300 > row["copy_ns_per_image"] > 0
        assert row["images_per_second"] <= 300 / 0.01
        assert row["fill_over_copy"] == pytest.approx(row["fill_ns_per_image"] / row["copy_ns_per_image"])
