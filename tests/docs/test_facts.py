"""Facts that could go stale: versions, licences and names of files on the pages and in CITATION.cff."""

import re
import runpy
from importlib.metadata import PackageNotFoundError, metadata
from unittest import mock

import pytest
import yaml

import lst_overlay
from tests.docs.pages import PAGES, ROOT, named, prose

PAGE = ROOT / "docs" / "third_party.md"
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def requirements():
    """Distribution -> the extras that name it, as setup.py says."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    named = {}
    for extra, lines in {
        "the board": setup.call_args[1]["install_requires"],
        **setup.call_args[1]["extras_require"],
    }.items():
        for line in lines:
            named.setdefault(re.match(r"[\w.-]+", line)[0], []).append(extra)
    return named


def declared_licence(name):
    """The licence in the distribution's metadata: expression, else short name, else classifier."""
    about = metadata(name)
    text = about.get("License-Expression") or about.get("License") or ""
    if text and len(text) < 120 and "\n" not in text:
        return text
    return next(
        entry.split(" :: ")[-1] for entry in about.get_all("Classifier") if entry.startswith("License")
    )


def test_every_dependency_is_listed_with_its_licence():
    """On a failure the expected rows are what belongs into the page."""
    table = re.search(r"declared licence \|\n\|[-|]+\n((?:\|.*\n)+)", PAGE.read_text())[1]
    listed = dict(re.findall(r"^(\| [\w.-]+ \| [\w, ]+) \| (.+) \|$", table, re.MULTILINE))
    expected = {
        f"| {name} | {', '.join(extras)}": declared_licence(name)
        for name, extras in sorted(requirements().items())
    }
    if "+cpu" not in metadata("torch")["Version"]:  # other builds contain more
        expected = {
            row: listed.get(row, licence) if row.startswith("| torch ") else licence
            for row, licence in expected.items()
        }
    rows = [f"{row} | {licence} |" for row, licence in expected.items()]
    assert [f"{row} | {licence} |" for row, licence in listed.items()] == rows, "\n".join(rows)


def test_a_distribution_that_is_not_there_is_an_error():
    try:
        declared_licence("lst-overlay-is-not-called-so")
    except PackageNotFoundError:
        return
    raise AssertionError("a missing distribution has no licence")


def test_the_citation_has_what_the_format_demands():
    assert (
        CITATION["cff-version"] == "1.2.0"
        and CITATION["title"] == "lst-overlay"
        and CITATION["authors"]
        and CITATION["message"]
    )
    assert all(entry["type"] and entry["title"] and entry["authors"] for entry in CITATION["references"])


def test_the_citation_is_of_this_version_and_licence():
    assert (str(CITATION["version"]), CITATION["license"]) == (lst_overlay.__version__, "BSD-2-Clause")
    assert (ROOT / "LICENSE").read_text().startswith("BSD 2-Clause License")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_source_files_that_a_page_names_are_there(page):
    """A name such as gateware/cores/fifo.py starts at the root, or below the package or tests of the text."""
    known = [
        path.as_posix()
        for part in ("driver", "gateware", "model", "datasets", "tests", "recipes", "benchmarks")
        for path in (ROOT / part).rglob("*.*")
    ]
    words = [word for span in re.findall(r"`([^`\n]+)`", prose(page)) for word in span.split()]
    sources = [
        word
        for word in words
        if re.fullmatch(r"[a-z0-9_/.]+\.(py|toml|sv)", word) and not word.startswith("my_")
    ]
    assert [
        word
        for word in sources
        if not any(path.endswith("/" + word) for path in known) and not (ROOT / word).is_file()
    ] == []


def test_what_the_contributors_guide_places_in_a_file_is_in_it():
    """`NAME` in `file.py`."""
    places = re.findall(r"`(\w+)`\s+(?:in|of)\s+`([\w/]+\.py)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(places) >= 7
    assert [
        place for place in places if not re.search(rf"\b{place[0]}\b", (ROOT / place[1]).read_text())
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_figures_are_missing(page):
    """A block that a command fills, and that none has filled."""
    assert not re.search(r"<!-- figures: .* -->\s*<!-- end of figures -->", page.read_text())
