"""What a notebook shows of the objects that users meet: complete, and never markup from a file."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from lst_overlay import LST1Overlay, html
from lst_overlay.hardware.measurements import classification
from lst_overlay.network import load_network
from lst_overlay.samples.photo import digit_of
from lst_overlay.samples.shipped_networks import find
from tests import ROOT

EVIL = "<script>alert(1)</script>&\"'"


class Reader(HTMLParser):
    """The text of a page and its elements; an element that is not closed is an error."""

    def __init__(self, source):
        super().__init__()
        self.text, self.elements, self.open = "", [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def shown(thing):
    """What Jupyter shows of an object."""
    return Reader(DisplayFormatter().format(thing)[0]["text/html"])


def pixels(source):
    """The grey levels of the picture in a page."""
    data = base64.b64decode(re.search(r'data:image/bmp;base64,([^"]+)"', source)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def named(network, **provenance):
    return replace(network, provenance={**network.provenance, **provenance})


@pytest.fixture(scope="module")
def network():
    return load_network(find("lst1_digits"))


def test_an_overlay_shows_bitstream_engine_clock_and_network(fake):
    _, overlay = fake
    text = shown(overlay).text
    assert overlay.bitfile_name in text and "pixel_serial" in text and "200.000 MHz" in text
    assert overlay.network.name in text and "freed" not in text
    overlay.free()
    assert "freed" in overlay._repr_html_()


def test_an_overlay_that_is_not_complete_shows_that(fake):
    device, overlay = fake
    assert "?" in LST1Overlay.__new__(LST1Overlay)._repr_html_()
    with LST1Overlay(overlay.bitfile_name, device, network=None) as empty:
        assert "none is loaded" in shown(empty).text


@pytest.mark.parametrize(
    "path", [find("lst1_w6a4p4"), next((ROOT / "networks").glob("resmlp*.npz"))], ids=lambda path: path.stem
)
def test_a_network_shows_what_it_is_and_how_good(path):
    chosen = load_network(path)
    text = shown(chosen).text
    for part in (chosen.name, chosen.kind, f"{chosen.parameters:,}", chosen.content_hash[:16]):
        assert part in text
    assert f"{chosen.provenance['accuracy_integer']:.2f} %" in text


def test_a_network_without_provenance_shows_no_empty_lines(network):
    text = shown(replace(network, provenance={})).text
    assert "accuracy" not in text and "trained on" not in text and "None" not in text


@pytest.mark.parametrize("accuracy", [EVIL, None, [1], {"a": 1}])
def test_an_accuracy_that_is_no_number_is_left_out(network, accuracy):
    assert "accuracy" not in shown(named(network, accuracy_integer=accuracy)).text


def test_names_from_a_network_file_are_text_and_not_markup(network):
    evil = named(network, dataset=EVIL, class_names=[EVIL, *map(str, range(1, 10))])
    answer = classification(evil, np.arange(10)[::-1] * 1000, 1e-6, "wall clock")
    for thing in (evil, answer):
        page = shown(thing)
        assert EVIL in page.text and "script" not in page.elements


def test_an_answer_shows_a_bar_for_each_class_and_marks_the_class(network):
    animals = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"]
    answer = classification(named(network, class_names=animals), np.eye(10)[2] * 9000, 3e-6, "wall clock")
    source = answer._repr_html_()
    assert "cat" in shown(answer).text and "3.0 us by wall clock" in shown(answer).text
    assert [re.search(f">{name}<", source) is not None for name in animals] == [True] * 10
    assert source.count("#e07b00") == 1 and source.index("cat</th>") < source.index("#e07b00")
    assert source.index("#e07b00") < source.index("dog</th>")
    assert repr(answer).startswith("Classification(cat, ")


def test_bars_are_as_long_as_their_shares():
    widths = [int(width) for width in re.findall(r"width: (\d+)px", html.bars("abc", [0, 0.25, 0.75]))]
    assert widths == [0, 50, 150]


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (3, 5), (7, 2)])
def test_a_picture_has_the_pixels_of_the_image(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    source = html.picture(image, scale=3)
    np.testing.assert_array_equal(pixels(source), image)
    assert f'width="{3 * shape[1]}"' in source


def test_a_digit_shows_the_image_and_no_arrays():
    page = np.full((60, 80), 200, np.uint8)
    page[20:40, 38:42] = 0
    digit = digit_of(page)
    assert "picture of 60 x 80" in shown(digit).text
    np.testing.assert_array_equal(pixels(digit._repr_html_()), digit.image)
    assert repr(digit).startswith("Digit(") and len(repr(digit)) < 80
