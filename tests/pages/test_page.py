"""Pages: figures in JSON, prose in a template, an excerpt in another file; wrapping, and what is an error."""

import json

import jinja2
import pytest

from pages.page import Excerpt, Page, as_json, render

TEMPLATE = """\
# Speed

{{ network }} makes {{ rate | number }} images/s, {{ ratio | number(".1f") }} times as many.

{{ table(runs, {"seed": "{seed}"}) }}
"""
FIGURES = {"network": "lst1", "rate": 255069, "runs": [{"seed": 1}]}
TEXT = "# Speed\n\nlst1 makes 255,069 images/s, 2.0 times as many.\n\n| seed |\n| ---: |\n| 1 |\n"


@pytest.fixture
def page(tmp_path):
    (tmp_path / "page.md.j2").write_text(TEMPLATE)
    (tmp_path / "excerpt.md.j2").write_text("{{ rate | number }} images/s\n")
    (tmp_path / "README.md").write_text(
        "before\n<!-- figures: `make it` -->\nold\n<!-- end of figures -->\nafter\n"
    )
    return Page(
        tmp_path / "docs" / "page.md",
        tmp_path / "page.md.j2",
        view=lambda figures: {**figures, "ratio": figures["rate"] / 127534.5},
        draw=lambda figures, directory: [directory / "drawn"],
        excerpts=(Excerpt(tmp_path / "README.md", "make it", tmp_path / "excerpt.md.j2"),),
    )


def rendered(tmp_path, template, **figures):
    (tmp_path / "t.md.j2").write_text(template)
    return render(tmp_path / "t.md.j2", figures)


def test_figures_are_kept_beside_the_page_that_shows_them(page):
    written = page.write(FIGURES)
    assert json.loads(page.figures_path.read_text()) == page.figures() == FIGURES
    assert page.path.read_text() == TEXT
    assert {path.name for path in written} == {"page.json", "page.md", "README.md", "drawn"}


def test_a_page_is_made_again_without_measuring(page):
    page.write(FIGURES)
    page.path.write_text("stale")
    page.render()
    assert page.path.read_text() == TEXT == page.texts(page.figures())[page.path]


def test_an_excerpt_replaces_only_what_is_between_its_comments(page):
    page.write(FIGURES)
    page.render()
    text = "before\n<!-- figures: `make it` -->\n255,069 images/s\n<!-- end of figures -->\nafter\n"
    assert page.excerpts[0].path.read_text() == text


def test_a_file_without_a_place_for_the_excerpt_is_not_touched(page):
    page.excerpts[0].path.write_text("nothing here\n")
    with pytest.raises(ValueError, match="README.md must have the lines <!-- figures: `make it` -->"):
        page.write(FIGURES)
    assert page.excerpts[0].path.read_text() == "nothing here\n" and not page.path.exists()


def test_nothing_is_kept_before_the_first_measurement(page):
    assert page.figures() == {}


def test_a_missing_figure_is_an_error(tmp_path):
    with pytest.raises(jinja2.UndefinedError, match="'rate' is undefined"):
        rendered(tmp_path, "{{ rate }}")


def test_paragraphs_and_lists_are_wrapped_and_the_rest_is_not(tmp_path):
    words = "word " * 40
    table, code = "| " + words + "|", "```sh\n" + words + "\n\n" + words + "\n```"
    text = rendered(tmp_path, f"{words}\n\n- {words}\n- {words}\n\n{table}\n\n{code}\n")
    paragraph, items, kept_table, kept_code = text.split("\n\n", 3)
    assert max(map(len, paragraph.splitlines())) <= 110 and paragraph.split() == words.split()
    assert [line[:3] for line in items.splitlines()] == ["- w", "  w", "- w", "  w"]
    assert (kept_table, kept_code) == (table, code + "\n")


def test_json_is_sorted_and_keeps_lists_of_plain_values_on_a_line():
    figures = {
        "b": [[1, 2], [3, 4]],
        "a": {"text": "x [ y ]", "none": None, "list": []},
        "long": ["w" * 300, 1],
    }
    text = as_json(figures)
    assert json.loads(text) == figures and text == as_json(dict(reversed(figures.items())))
    assert "\n  [1, 2],\n  [3, 4]\n" in text and text.index('"a"') < text.index('"b"')


def test_a_figure_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json({"rate": float("nan")})
