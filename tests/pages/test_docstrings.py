"""Docstrings become Markdown whose lists are lists."""

import pytest

from pages.docstrings import with_lists


def test_a_paragraph_of_names_is_a_list():
    text = (
        "Adds.\n\nfirst:       a number,\n             not 0.\nsecond, c: others.\n\nRaises ValueError: no."
    )
    assert with_lists(text) == (
        "Adds.\n\n- `first`: a number,\n    not 0.\n- `second`, `c`: others.\n\nRaises ValueError: no."
    )


@pytest.mark.parametrize("text", ["One line.", "Two\nlines: of text.", "    indented: code"])
def test_other_paragraphs_stay(text):
    assert with_lists(text) == text
