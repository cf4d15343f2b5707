from dataclasses import replace

import numpy as np
import pytest

from lst_overlay.network import load_network
from model.reports.evaluate import Evaluation, evaluate
from model.reports.network_page import DIRECTORY, draw_layers, draw_tables, figures_of, page_of, write_page
from tests import ROOT
from tests.driver.network.lst.networks import SHIPPED, lst1, random_network

ABOUT = {
    "quantization": "post-training Q6.7",
    "accuracy_validation": 98.5,
    "accuracy_float": 98.75,
    "seed": 3,
    "torch": "2.13.0",
    "device": "cpu",
    "selected_epoch": 7,
    "command": ["first command", "second command"],
    "recipe": "one",
    "recipe_settings": {"epochs": 9, "batch": 250},
}


CONFUSION = 10 * np.eye(10, dtype=int)
CONFUSION[4, 9], CONFUSION[4, 4] = 3, 7


def told(network, confusion=CONFUSION, class_names=None):
    """A network with provenance, and what an evaluation of it might say."""
    network = replace(network, provenance=ABOUT)
    found = Evaluation(
        "n.npz", network.name, "mnist", 100, 97.0, 97, 100, None, confusion.tolist(), class_names
    )
    return page_of(network.name).text(figures_of(network, found))


def test_a_page_tells_accuracy_formats_recipe_and_limits():
    text = told(lst1(1, 0, np.arange(-512, 512)))
    for expected in (
        "9,474 weights and biases",
        "| integers, MNIST test set, 10,000 images | 97.00 |",
        "| **4** | · | · | · | · | 7 |",
        "| rows | 28 -> 28 | 13 |",
        "10 bits, shift 7",
        "first command\nsecond command",
        "| epochs | `9` |",
        "Its most frequent mistake is a 4 taken for a 9: 3 of 10 images.",
        "It runs on the pixel-serial engine",
    ):
        assert expected in text


def test_a_page_tells_how_many_rows_make_a_vector():
    row, pair = random_network(1), random_network(1, rows_per_vector=2)
    assert "2 rows of the image, side by side, are one row" in " ".join(told(pair).split())
    assert "side by side" not in told(row)


def test_a_page_about_own_data_names_the_classes():
    text = " ".join(told(lst1(1, 0, np.arange(-512, 512)), class_names=[*"ABCDEFGHIJ"]).split())
    assert "It was trained on images of A, B, C, D, E, F, G, H, I, J, in this order" in text
    assert "Its most frequent mistake is a E taken for a J: 3 of 10 images." in text
    assert "| **E** | · | · | · | · | 7 |" in text and "digits" not in text


def test_a_page_about_a_network_without_mistakes_names_none():
    assert "mistake" not in told(lst1(1, 0, np.arange(-512, 512)), confusion=np.eye(10, dtype=int))


def test_a_page_says_why_the_engine_does_not_take_a_network():
    text = " ".join(told(random_network(1)).split())
    assert (
        "The pixel-serial engine does not take it: network 'random': images must have 8..32 rows and columns"
        in text
    )


def test_the_accumulators_bits_are_those_that_any_input_can_need():
    """28 pixels of 255 with weights of 1, plus 64 of bias: 7,204 takes 14 bits with its sign."""
    assert "| rows | 28 -> 28 | 13 | 0.0078125 | 14 bits |" in told(lst1(1, 64, np.arange(-512, 512)))


def test_a_picture_is_the_same_every_time(tmp_path):
    drawn = [draw_tables(random_network(1), tmp_path / place / "n.svg").read_bytes() for place in "ab"]
    assert drawn[0] == drawn[1] and drawn[0].startswith(b"<?xml")


def test_the_diagram_of_layers_tells_every_width_and_what_is_added(tmp_path):
    figures = page_of("reslst3_w6a4p4", ROOT / DIRECTORY).figures()
    (path,) = draw_layers(figures, tmp_path)
    svg = path.read_text()
    assert path.name == "reslst3_w6a4p4_layers.svg"
    for number, layer in enumerate(figures["layers"]):
        assert f">{number}: {layer['axis']}<" in svg and f">sums of {layer['acc_width']} bits<" in svg
    added = [layer for layer in figures["layers"] if (layer["activation"] or {}).get("add") is not None]
    assert svg.count(">added<") == len(added) > 0


def test_describe_writes_page_and_picture(tmp_path):
    digits = next(path for path in SHIPPED if path.stem == "lst1_digits")
    assert write_page(digits, tmp_path) == tmp_path / "lst1_digits.md"
    assert (tmp_path / "lst1_digits.svg").is_file() and (tmp_path / "lst1_digits_layers.svg").is_file()
    assert "integers, the last 360 of scikit-learn's digits" in (tmp_path / "lst1_digits.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_figures_in_the_tree_are_those_of_the_file_in_the_tree(path):
    kept = page_of(path.stem, ROOT / DIRECTORY)
    assert kept.figures() == figures_of(load_network(path), evaluate(path))
