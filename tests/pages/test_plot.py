"""The plot helper: the same bytes for the same figures, transparent, one grey for light and dark pages."""

import re

import numpy as np
import pytest

from pages.plot import INK, confusion_matrix, picture


def draw(path, **options):
    with picture(path, (4, 3), **options) as axes:
        for each in np.ravel(axes):
            each.plot([1, 2], [3, 4])
            each.set(xlabel="area, LUT", ylabel="accuracy, percent", title="title")
    return path


@pytest.mark.parametrize("name", ["one.svg", "one.png"])
def test_the_same_figures_give_the_same_bytes(tmp_path, name):
    first, second = draw(tmp_path / "a" / name), draw(tmp_path / "b" / name)
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes() and b"Software" not in first.read_bytes()


def test_a_picture_has_no_background_and_no_black_text(tmp_path):
    with picture(tmp_path / "one.svg", (4, 3)) as axes:
        axes.set(xlabel="area, LUT", ylabel="accuracy, percent", title="title")
        axes.plot([1, 2], label="curve")
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label, axes.text(1, 1, "note")]
        texts += [*axes.legend().get_texts(), *axes.get_xticklabels()]
    assert {text.get_color() for text in texts} == {INK}
    svg = (tmp_path / "one.svg").read_text()
    assert not re.findall(r"(?:fill|stroke): (?:#000000|#ffffff|black|white)", svg)


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "page", ["#ffffff", "#1e2129", "#0d1117"], ids=["light", "the site's dark", "GitHub's dark"]
)
def test_text_and_lines_of_pictures_are_readable_on_a_page(page):
    dark, bright = sorted(map(luminance, (INK, page)))
    assert (bright + 0.05) / (dark + 0.05) > 3.9


def test_several_panels(tmp_path):
    with picture(tmp_path / "four.svg", (4, 3), 2, 2) as axes:
        assert axes.shape == (2, 2)


def test_a_confusion_matrix_shows_its_counts(tmp_path):
    with picture(tmp_path / "confusion.svg", (4, 4)) as axes:
        confusion_matrix(axes, [[5, 0], [1, 7]], "title")
        assert [text.get_text() for text in axes.texts] == ["5", "1", "7"]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("class", "label")


def test_a_confusion_matrix_shows_the_names_of_the_classes(tmp_path):
    with picture(tmp_path / "confusion.svg", (4, 4)) as axes:
        confusion_matrix(axes, [[5, 0], [1, 7]], "title", ("cat", "dog"))
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            assert [label.get_text() for label in labels] == ["cat", "dog"]


def test_matplotlibs_settings_are_as_before(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw(tmp_path / "one.svg")
    assert dict(matplotlib.rcParams) == before
