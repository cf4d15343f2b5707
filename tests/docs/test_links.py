"""What README and docs/ point at is there, on GitHub and on the site."""

import os
import re
import subprocess
import sys

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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built as `make docs` does; (what was built, the directory)."""
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
    )
    return done, directory


def test_the_site_is_built_without_a_warning(site):
    done, _ = site
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_page_links_to_outside_docs_is_part_of_the_site(site):
    home = (site[1] / "index.html").read_text()
    assert 'href="source/CONTRIBUTING.html"' in home and 'href="source/CITATION.cff"' in home
    assert (site[1] / "source" / "CITATION.cff").read_bytes() == (ROOT / "CITATION.cff").read_bytes()
    assert 'href="../testing.html"' in (site[1] / "source" / "CONTRIBUTING.html").read_text()


def test_the_site_loads_nothing_from_another_host(site):
    pages = list(site[1].rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert re.findall(r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:|//)[^>]+", page.read_text()) == [], (
            page
        )
        assert (
            re.findall(
                r"<link[^>]+rel=\"?(?:stylesheet|preconnect)[^>]+href=\"?(?:https?:|//)[^>]+",
                page.read_text(),
            )
            == []
        ), page
