"""What docs/own_data.md says of the engines' limits is what they take."""

import pytest

from gateware.designs import ENGINES
from lst_overlay.network import NetworkError
from lst_overlay.network.lst.serial_format import CLASS_WORDS, CLASSES, SIDES
from tests.docs.pages import ROOT
from tests.driver.network.lst.chains import chain_network

PAGE = " ".join((ROOT / "docs" / "own_data.md").read_text(encoding="utf-8").split())


def takes(engine, side, features, classes, pixel_bits=4, **formats):
    try:
        ENGINES[engine].check(
            chain_network(1, (side, side), [(features, features)], classes, pixel_bits=pixel_bits, **formats)
        )
    except NetworkError:
        return False
    return True


def test_sides_and_classes():
    low, high = SIDES
    assert f"of {low} to {high} pixels a side and 8 bits a pixel, in 2 to {CLASSES} classes" in PAGE
    assert f"at most {CLASS_WORDS:,} |" in PAGE
    assert takes("pixel_serial", low, 2, CLASSES) and takes("pixel_serial", high, high, 2)
    assert f"| `folded` | 8, 12, .. {high} | 2 .. {CLASSES} |" in PAGE
    assert [side for side in range(low, high + 1) if takes("folded", side, side, CLASSES)] == [
        *range(8, 33, 4)
    ]


@pytest.mark.parametrize("features, taken", [(26, True), (27, False), (28, False)])
def test_features_for_26_classes(features, taken):
    assert takes("pixel_serial", 28, features, 26) == taken
    assert "For 26 classes they may be 26 at most, because 3 x 26 x 26 is 2,028" in PAGE


@pytest.mark.parametrize("engine", ["row_parallel", "row_parallel_uint8"])
def test_sides_and_classes_of_the_row_parallel_engines(engine):
    low, high = SIDES
    few = {"pixel_bits": 4, "weights_width": 2, "width": 2}
    assert (
        f"| `row_parallel` and its relatives | 8, 12, .. {high}, in few bits | as many as its block" in PAGE
    )
    assert takes(engine, 24, 24, 16, **few) and not takes(engine, 24, 24, 26, **few)
    sides = [side for side in range(low, high + 1) if takes(engine, side, side, 2, **few)]
    assert sides == [*range(8, 33, 4)]
