"""A small soak: a correct driver passes, and one that loses, repeats or confuses answers is found out."""

import numpy as np
import pytest

from lst_overlay.hardware.device_images import DeviceImages
from tools import board_package
from tools.soak import soak

SMALL = {"images": 3000, "verilated_images": 600, "seed": 3}


def totals(figures):
    """(lost or wrong, answered twice) over all boards."""
    return [sum(board[key] for board in figures["boards"]) for key in ("lost_or_wrong", "answered_twice")]


def test_every_image_is_answered_once(capsys):
    right, figures = soak(**SMALL)
    assert right and totals(figures) == [0, 0]
    assert "2,400 of the 3,000 images met a stand-in" in capsys.readouterr().out
    assert board_package.view({"soak": figures})["stand_in_images"] == 2400


@pytest.mark.parametrize(
    "wrong",
    [lambda results: np.roll(results, 1, axis=0), lambda results: results[[0, *range(len(results) - 1)]]],
    ids=["in another order", "one repeated, one lost"],
)
def test_answers_that_are_not_the_images_own_are_found_out(monkeypatch, wrong):
    read = DeviceImages.read
    monkeypatch.setattr(DeviceImages, "read", lambda self, mode: wrong(read(self, mode)))
    right, figures = soak(**SMALL)
    assert not right and totals(figures)[0] > 0
