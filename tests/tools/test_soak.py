"""The soak counts what it says: a small one is right, and a driver that loses, repeats or confuses answers is found out."""

import numpy as np
import pytest

from lst_overlay.hardware.batches import Buffers
from tools.soak import soak

SMALL = {"images": 3000, "verilated_images": 600, "seed": 3}


def totals(report):
    """(lost or wrong, answered twice) over all boards."""
    cells = [line.strip("| ").split(" | ") for line in report if line.startswith("| ") and line[2] != "-"][1:]
    return [sum(int(row[column]) for row in cells) for column in (-2, -1)]


def test_every_image_is_answered_once():
    right, report = soak(**SMALL)
    assert right and totals(report) == [0, 0]


@pytest.mark.parametrize(
    "wrong",
    [lambda results: np.roll(results, 1, axis=0), lambda results: results[[0, *range(len(results) - 1)]]],
    ids=["in another order", "one repeated, one lost"],
)
def test_answers_that_are_not_the_images_own_are_found_out(monkeypatch, wrong):
    read = Buffers.read
    monkeypatch.setattr(Buffers, "read", lambda self, mode, count: wrong(read(self, mode, count)))
    right, report = soak(**SMALL)
    assert not right and totals(report)[0] > 0
