"""What README and docs/ point at is there, and pages read the same on GitHub and on the site."""

import re

import markdown
import pytest
from markdown_it import MarkdownIt

from tests.docs.pages import PAGES, ROOT, anchors, blocks, links, named

LANGUAGES = {"sh", "python", "toml", "text", ""}
COMMAND = re.compile(
    r"^\s*(make|python3?|pip|git|pytest|cd|source|export|scp|pynq|\.venv/bin/\w+) ", re.MULTILINE
)
every_page = pytest.mark.parametrize("page", PAGES, ids=named)


@every_page
def test_relative_links_lead_somewhere(page):
    missing = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        file = page.parent / target if target else page
        if not file.exists() or anchor and anchor not in anchors(file):
            missing.append(link)
    assert missing == []


@every_page
def test_make_targets_that_are_named_exist(page):
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named_here = set(re.findall(r"`make ([a-z]+)", page.read_text()))
    assert named_here <= rules


@every_page
def test_a_block_says_its_language_and_what_holds_commands_is_sh(page):
    for block in blocks(page):
        assert block.language in LANGUAGES
        assert block.language != "" or not COMMAND.search(block.text), block.text


@every_page
def test_the_site_shows_the_lists_and_tables_that_github_shows(page):
    """Python-Markdown wants lists indented by four and an empty line before; CommonMark does not."""
    if named(page).startswith("bitstreams/") or page.name == "README.md":
        pytest.skip("not on the site")
    text = page.read_text()
    github = MarkdownIt("commonmark").enable("table").render(text)
    site = markdown.markdown(text, extensions=["tables", "pymdownx.superfences"])

    def elements(html):
        return {
            tag: len(re.findall(f"<{tag}[ >]", html))
            for tag in ("h1", "h2", "h3", "ol", "ul", "li", "table", "tr", "pre")
        }

    assert elements(site) == elements(github)
