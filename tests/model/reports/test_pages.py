"""The pages in the tree are what the figures beside them say."""

import pytest

from model.reports.render import pages
from tests import ROOT

NAMES = ["docs/accuracy.md", "docs/learned_functions.md", "docs/study.md"]
NAMES += sorted(f"docs/networks/{path.stem}.md" for path in (ROOT / "docs" / "networks").glob("*.md"))


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def page_of(name):
    (page,) = [page for page in pages() if page.path.as_posix() == name]
    return page


def test_every_page_has_figures():
    assert [page.path.as_posix() for page in pages()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_the_tree_is_what_its_figures_say(name):
    page = page_of(name)
    assert page.path.read_text(encoding="utf-8") == page.text(page.figures()), "python -m model render"


@pytest.mark.parametrize("name", [page.path.as_posix() for page in pages() if page.draw])
def test_a_picture_in_the_tree_is_what_its_figures_say(name, tmp_path):
    page = page_of(name)
    for path in page.draw(page.figures(), tmp_path):
        assert path.read_bytes() == (page.path.parent / path.relative_to(tmp_path)).read_bytes(), path.name
