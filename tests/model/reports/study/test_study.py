"""The whole course: quick mode through the command, and the page of invented figures."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find, names
from model.reports.study import comparison
from model.reports.study.course import study
from model.reports.study.divergence import summarise
from model.reports.study.page import figures_of, page_of
from model.reports.study.pictures import draw
from model.reports.study.published_figures import FIGURES
from model.reports.study.settings import FULL, PARTS, QUICK, Settings
from tests import ROOT
from tests.model.test_commands import command


def invented():
    """Figures of every part, small and made up."""
    points = [
        {
            "network": network,
            "method": method,
            "rounding": rounding,
            "format": f"Q6.{bits}",
            "int_bits": 6,
            "frac_bits": bits,
            "accuracy": 98.0 - 2.0 ** (6 - bits),
            "divergence": {"32": [2.0**-bits] * 3, "128": [3.0**-bits] * 3},
        }
        for network, methods in (
            ("ours", ("post-training", "weights only", "fine-tuned")),
            ("published", ("post-training",)),
        )
        for method in methods
        for rounding in ("nearest", "floor")[: 1 if method == "fine-tuned" else 2]
        for bits in (4, 5, 7)
    ]
    networks = {
        name: {
            "name": name,
            "title": f"the {name}",
            "sha256": "0",
            "parameters": 9474,
            "accuracy": 98.1,
            "images": 360,
            "dataset": "digits",
            "bin_bits": {"32": [4.0] * 3, "128": [6.0] * 3},
            "layers": ["rows", "columns", "dense"],
            "largest_weight": 1.0,
        }
        for name in ("ours", "published")
    }
    fractions = {
        "int_bits": 6,
        "frac_bits": [4, 5, 7],
        "bins": [32, 128],
        "networks": networks,
        "points": points,
        "fine_tuning": {"epochs": 2, "rate": 1e-3, "seed": 1},
    }
    matrix = [[30 * (row == column) for column in range(10)] for row in range(10)]
    images = [[[(row * column) % 128 for column in range(28)] for row in range(28)]] * 10
    return {
        "fractions": fractions,
        "divergence": {"fractions": fractions, "summary": summarise(fractions)},
        "confusion": {
            "network": "ours",
            "dataset": "digits",
            "format": "Q6.7",
            "images": 300,
            "differing": 9,
            "differing_float_right": 5,
            "differing_integer_right": 3,
            "float": {"accuracy": 98.1, "correct": 298, "confusion": matrix},
            "integer": {"accuracy": 98.0, "correct": 297, "confusion": matrix},
        },
        "hidden": {
            "network": "ours",
            "format": "Q6.7",
            "digits": {
                "image_numbers": list(range(10)),
                "one": 128,
                "images": images,
                "rows": images,
                "columns": images,
            },
            "tsne": {
                "images": 40,
                "components": 50,
                "perplexity": 30,
                "seed": 1,
            },
            "map": {
                "labels": [n % 10 for n in range(40)],
                "points": [[n, n * n % 17] for n in range(40)],
            },
            "outputs": 784,
        },
        "comparison": comparison.assemble(FULL, [], {}),
    }


def page(settings, parts):
    return page_of(settings).text(figures_of(settings, parts))


def words(text):
    """The text without its line breaks."""
    return " ".join(text.split())


def test_the_page_shows_every_part_and_every_picture(tmp_path):
    parts = invented()
    text = page(FULL, parts)
    drawn = {path.name for part in PARTS for path in draw(part, parts[part], tmp_path)}
    drawn |= {path.name for path in page_of(FULL).draw(figures_of(FULL, parts), tmp_path)}
    assert drawn == {Path(target).name for target in re.findall(r"!\[.+?\]\((study/.+?)\)", text)}
    assert len(re.findall("^## ", text, re.MULTILINE)) == len(PARTS) and "Not computed" not in text
    for sentence in (
        "**the ours**, in float: 98.10 % of 360 images",
        "different answers for **9 images**: the float network is right on 5 of them, the integers on 3, "
        "neither on 1",
        "| the ours | post-training, nearest | 96.00 | 94.00 |",
        "LFC-max",
    ):
        assert sentence in words(text), sentence


def test_page_and_pictures_are_the_same_again(tmp_path):
    parts = invented()
    assert page(FULL, parts) == page(FULL, invented())
    for directory in (tmp_path / "a", tmp_path / "b"):
        for part in PARTS:
            draw(part, parts[part], directory)
        page_of(FULL).draw(figures_of(FULL, parts), directory)
    for path in (path for path in (tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        assert path.stat().st_size < 300_000 and b"<dc:date>" not in path.read_bytes()


def test_a_part_that_is_missing_is_named():
    parts = invented()
    del parts["hidden"]
    assert "Not computed: `python -m model study --only hidden`." in page(FULL, parts)


def test_a_page_without_the_published_network_says_so():
    parts = invented()
    fractions = parts["fractions"]
    del fractions["networks"]["published"]
    fractions["points"] = [point for point in fractions["points"] if point["network"] == "ours"]
    assert "its curves are left out" in words(page(FULL, {"fractions": fractions}))
    assert "left out" not in words(page(FULL, invented()))


def test_the_papers_conclusion_is_worded_by_the_number():
    supported = words(page(FULL, invented()))
    assert "the papers' conclusion is supported." in supported and "contradicted" not in supported
    parts = invented()
    for point in parts["fractions"]["points"]:
        point["accuracy"] = 90.0 - point["frac_bits"]
    parts["divergence"]["summary"] = summarise(parts["fractions"])
    assert "the papers' conclusion is contradicted." in words(page(FULL, parts))


def test_our_rows_are_those_of_the_shipped_files():
    rows = comparison.assemble(FULL, [], {})["rows"]
    ours = {row["network"]: row for row in rows if row["ours"]}
    networks = [load_network(find(name)) for name in names("lst")]
    assert ours.keys() == {network.name for network in networks if network.provenance["dataset"] == "mnist"}
    for network in networks:
        if network.name in ours:
            row = ours[network.name]
            assert (row["accuracy"], row["parameters"]) == (
                network.provenance["accuracy_integer"],
                network.parameters,
            )
    assert len(rows) == len(ours) + len(FIGURES)


@pytest.fixture(scope="session")
def quick_once(tmp_path_factory):
    """A checkout of its own, without the published network, and the quick study in it."""
    directory = tmp_path_factory.mktemp("study")
    (directory / "recipes").symlink_to(ROOT / "recipes")
    with pytest.MonkeyPatch.context() as patch:
        _enter(directory, patch)
        return directory, command("study", "--quick", "--jobs", 2)


@pytest.fixture
def quick(quick_once, monkeypatch):
    _enter(quick_once[0], monkeypatch)
    return quick_once


def _enter(directory, patch):
    patch.chdir(directory)
    patch.delenv("LST_DATA_DIR", raising=False)


@pytest.mark.xdist_group("study")
def test_quick_does_all_of_it(quick):
    directory, done = quick
    assert done.returncode == 0, done.stderr
    written = done.stdout.split()
    assert all((directory / path).is_file() for path in written)
    assert {"build/study/quick/study.json", "build/study/quick/study.md"} <= set(written)
    text = words((directory / "build/study/quick/study.md").read_text())
    assert (
        "Not computed" not in text
        and "its figures mean nothing" in text
        and "its curves are left out" in text
    )
    for target in re.findall(r"!\[.+?\]\((.+?)\)", text):
        assert (directory / "build/study/quick" / target).is_file()
    for part in PARTS:
        assert json.loads((directory / f"build/study/quick/{part}.json").read_text())
    assert not (directory / "docs").exists()


@pytest.mark.xdist_group("study")
def test_quick_again_computes_nothing_and_changes_nothing(quick):
    directory, done = quick
    files = {path: path.read_bytes() for path in map(directory.joinpath, done.stdout.split())}
    points = {path: path.stat().st_mtime_ns for path in (directory / "build/study/quick/points").iterdir()}
    again = command("study", "--quick", "--only", "comparison", "--only", "divergence")
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in files} == files
    assert {path: path.stat().st_mtime_ns for path in points} == points


@pytest.mark.xdist_group("study")
def test_figures_of_other_networks_are_not_shown(quick):
    directory, _ = quick
    other = dataclasses.replace(
        QUICK, page=directory / "other.md", build=directory / "other", frac_bits=(5, 7), extra_formats=()
    )
    study(other, ("comparison", "confusion"), jobs=1)
    stale = directory / "other" / "confusion.json"
    stale.write_text(json.dumps({**json.loads(stale.read_text()), "subjects": ["another"]}))
    study(other, ("comparison",), jobs=1)
    text = other.page.read_text()
    assert "--only confusion" in text and "--only comparison" not in text


def test_an_unknown_part_is_wrong_usage():
    done = command("study", "--only", "everything")
    assert done.returncode == 2 and "everything" in done.stderr


def test_help_names_the_parts():
    done = command("study", "--help")
    assert done.returncode == 0 and "--scheduler" in done.stdout and "comparison" in done.stdout


def test_outside_a_checkout_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = command("study", "--quick")
    assert done.returncode == 1 and "recipes/lst1_digits.toml" in done.stderr and done.stderr.count("\n") == 1


def test_settings_put_pictures_beside_their_page():
    assert Settings().pictures == Path("docs/study") and QUICK.pictures == Path("build/study/quick/study")
