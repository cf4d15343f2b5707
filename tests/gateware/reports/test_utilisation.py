"""The share of an array's multipliers that is in use follows from the schedule."""

import pytest

from gateware.designs import ENGINES
from gateware.reports import utilisation
from gateware.reports.utilisation import Use, share, uses
from lst_overlay.network.resmlp.array_format import ARRAY, ARRAYS
from tests.driver.network.resmlp.array_networks import random_array_network


@pytest.fixture(scope="module")
def largest():
    """The largest network of each array, whose interval its engine declares."""
    sizes = {
        "resmlp_array": {"hidden": 96},
        "resmlp_array_int8": {"hidden": 96, "weight_bits": 8, "code_bits": 8},
        "resmlp_array_h2": {"hidden": 192, "relu": True},
    }
    return {name: random_array_network(1, channels=96, blocks=4, **chosen) for name, chosen in sizes.items()}


@pytest.mark.parametrize("engine", ARRAYS)
def test_the_clocks_of_the_passes_are_the_interval_that_the_engine_declares(largest, engine):
    found = uses(largest[engine], ARRAYS[engine])
    assert sum(use.clocks for use in found) == ENGINES[engine].cycles_per_image


def test_products_in_use_are_those_of_the_outputs():
    """A pass of 16 x 16 tiles of 48 steps lasts 64 clocks a tile, in which 256 products have room."""
    first, tokens, *_ = uses(random_array_network(1, channels=9, blocks=1), ARRAY)
    assert first == Use("0: 48 channels to 9", first.clocks, 48 * 9 * 64)
    assert 4 * 64 < first.clocks < 5 * 64
    assert tokens == Use("2: 64 tokens to 64", tokens.clocks, 64 * 64 * 9)
    assert share(256 * 64, 64, ARRAY) == 100 and share(first.products, 4 * 64, ARRAY) == 42.1875


def test_table_and_picture_in_the_tree_are_those_of_the_schedules(tmp_path):
    stale = "is stale: python -m gateware render"
    text = utilisation.EXCERPT.path.read_text()
    assert text == utilisation.EXCERPT.text(utilisation.view()), f"the table {stale}"
    drawn = utilisation.draw(tmp_path / utilisation.PICTURE.name)
    assert drawn.read_text() == utilisation.PICTURE.read_text(), f"{utilisation.PICTURE.name} {stale}"
