"""The frontier of accuracy over area."""

import dataclasses

import pytest

from gateware.engines.row_parallel.limits import estimate
from gateware.reports.frontier import PAGE, frontier, point_of
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find


def point(lut, validation, test=0.0):
    formats = "5, 5, 4 / 4 / 4"
    point = {"name": "a", "seed": 0, "formats": formats, "additions": 0, "lut": lut}
    return {**point, "validation": validation, "test": test}


def test_only_what_nothing_smaller_equals_is_on_the_frontier():
    small, better, same, worse, best = point(1, 98), point(2, 99), point(3, 99), point(4, 97), point(5, 99.5)
    assert frontier([worse, best, same, better, small]) == [small, better, best]


def test_test_accuracy_decides_nothing():
    assert frontier([point(1, 98, test=90), point(2, 97, test=99)]) == [point(1, 98, test=90)]


def test_a_point_tells_what_its_network_file_says():
    network = load_network(find("lst1_w5c4a4p4"))
    found = point_of(network)
    assert (found["formats"], found["name"]) == ("5, 5, 4 / 4 / 4", "lst1_w5c4a4p4")
    assert found["lut"] == estimate(network, ImageLayout((28, 28), 4, 4)).lut
    provenance = network.provenance
    assert found["seed"] == provenance["seed"]
    assert (found["validation"], found["test"]) == (
        provenance["accuracy_validation"],
        provenance["accuracy_integer"],
    )


def test_the_page_says_what_is_refused_and_what_is_on_the_frontier():
    text = PAGE.text({"points": [point(10_000, 98), point(11_000, 97), point(14_081, 99)]})
    lines = [line for line in text.splitlines() if line.startswith("| a |")]
    assert [line.split(" | ")[-1] for line in lines] == ["yes |", " |", "refused |"]


def test_networks_that_have_no_place_on_it_are_one_error():
    with pytest.raises(
        NetworkError, match="'lst1_q6.7': packed pixels have 2 bits, .* not 8 bits with rows_per_vector = 1"
    ):
        point_of(load_network(find("lst1_q6.7")))
    network = load_network(find("lst1_w4a4p2"))
    with pytest.raises(
        NetworkError, match="its provenance does not tell recipe, seed, accuracy_validation, accuracy_integer"
    ):
        point_of(dataclasses.replace(network, provenance={}))
