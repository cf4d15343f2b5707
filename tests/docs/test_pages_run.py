"""The pages run from top to bottom, offline, on the simulated board, in a copy of the tree."""

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import typer
from PIL import Image

import datasets
from tests import BUILT
from tests.conftest import share_objects
from tests.docs.listed_commands import DRY_RUN, GENERATED, LISTED, OPTIONS, PATHS
from tests.docs.pages import PAGES, ROOT, blocks, commands, named, prose

RUNNABLE = [
    page
    for page in PAGES
    if any(block.language in ("sh", "python") for block in blocks(page)) and page.parent.name != "networks"
]
PHOTO = "photo.png"  # what a reader brings along
TIME_LIMIT_S = 300


@pytest.fixture(scope="session")
def tree(tmp_path_factory, simulated_bit):
    """A copy of the working tree with built designs and an environment that has all and installs nothing."""
    copy = tmp_path_factory.mktemp("pages") / "lst-overlay"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in (
        subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    ):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    simulated = copy / "bitstreams" / "simulated"
    shutil.copytree(simulated_bit.parent, simulated)
    for library in BUILT.glob("lib*.so"):
        shutil.copyfile(library, simulated / library.name)
    share_objects(copy)
    binaries = copy / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (binaries / "python").chmod(0o755)
    (binaries / "python3").symlink_to("python")
    (binaries / "activate").write_text(f"PATH={shlex.quote(str(binaries))}:$PATH\n")
    for stamp in (".demo", ".docs", ".all", ".wheel"):
        (copy / ".venv" / stamp).touch()
    yield copy
    for library in simulated.glob("lib*.so"):
        if not (BUILT / library.name).exists():
            shutil.copyfile(library, BUILT / library.name)


@pytest.fixture(scope="session")
def made():
    """Lines with make that have run in the copy: several pages show `make demo`, once is enough."""
    return set()


@pytest.fixture(scope="session")
def here(tree, tmp_path_factory):
    """What runs a shell script or a program in that copy."""
    environment = {
        "PATH": f"{tree / '.venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LST_BOARD": "sim",
        "PYTHONPATH": f"{tree}:{tree / 'driver'}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
        "MPLBACKEND": "agg",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }  # nothing listens there

    def run(*command):
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    return run


@pytest.fixture
def photo(tree):
    """A dark 3 on light paper, off the middle."""
    images, labels = datasets.load("digits", "test")
    picture = Image.new("L", (300, 200), 230)
    ink = Image.fromarray(images[labels == 3][0]).resize((140, 140))
    picture.paste(40, (20, 30), ink)
    picture.save(tree / PHOTO)


@pytest.mark.parametrize("page", RUNNABLE, ids=named)
def test_a_page_runs_from_top_to_bottom(page, tree, here, made, photo):
    """A text block right after the word 'prints' must show what the block before it prints."""
    shown = page.read_text()
    printed = ""
    for block in blocks(page):
        if block.language == "toml":
            name = block.text.split("\n")[0].lstrip("# ")
            assert name.endswith(".toml"), "a recipe's first line is its file's name, as a comment"
            (tree / name).write_text(block.text)
        elif block.language == "sh":
            script = [
                line
                for line in block.text.splitlines()
                if line.split("  #")[0].strip() not in made.union(LISTED)
            ]
            here("bash", "-euc", "\n".join(["set -o pipefail", *script]))
            made.update(line for line in script if line.startswith("make "))
        elif block.language == "python":
            (tree / "sample.py").write_text(block.text)
            printed = here("python", "sample.py")
        elif block.language == "text" and f"prints\n\n```text\n{block.text}" in shown:
            assert printed == block.text


def test_the_demo_leaves_what_the_pages_promise(tree, here, made):
    if "make demo" not in made:
        here("make", "demo")
    report = json.loads((tree / "build" / "demo" / "report.json").read_text())
    assert report["images"] == report["bit_exact_images"] == 360
    assert (tree / "build" / "demo" / "digits.png").stat().st_size > 10_000


def test_every_listed_command_is_still_on_a_page():
    shown = {command for page in PAGES for command in commands(page)}
    assert sorted(set(LISTED) - shown) == []


@pytest.mark.parametrize("command", sorted(LISTED))
def test_what_is_still_checked_of_a_command_that_is_not_run(command, here):
    check(command, LISTED[command].checked, here)


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "networks"], ids=named)
def test_how_a_network_was_made_can_be_done_again(page, here):
    assert commands(page)
    for command in commands(page):
        check(command, GENERATED.checked, here)
        assert all((ROOT / word).is_file() for word in command.split() if word.startswith("recipes/"))


def check(command, how, here):
    words = shlex.split(command)
    if how == DRY_RUN:
        here(*words, "--dry-run")
    elif how == OPTIONS:
        module, name = words[words.index("-m") + 1 :][:2]
        if module in ("lst_overlay", "datasets"):
            here(*words, "--help")
        else:
            assert missing_options(module, name, [word for word in words if word.startswith("--")]) == []
    elif how == PATHS:
        for path in (word for word in words if word.startswith("tests/")):
            assert list(ROOT.glob(path)), path


def missing_options(module, name, options):
    """Those that the typer program does not have. StopIteration if it has no such command."""
    program = typer.main.get_command(importlib.import_module(f"{module}.__main__").app)
    known = {option for parameter in program.commands[name].params for option in parameter.opts}
    return [option for option in options if option not in {*known, "--help"}]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_a_sentence_have_their_options(page):
    for module, name, rest in set(
        re.findall(r"`(?:\.venv/bin/)?python3? -m (gateware|model) ([a-z]+)((?: [^`]*)?)`", prose(page))
    ):
        assert missing_options(module, name, re.findall(r"--[a-z-]+", rest)) == []


def test_the_boards_commands_in_a_sentence_have_their_options(here):
    found = {
        line
        for page in PAGES
        for line in re.findall(r"python3? -m lst_overlay ([a-z][a-z-]*(?: [^`\n]*)?)", page.read_text())
    }
    shown = {
        name: here("python", "-m", "lst_overlay", name, "--help")
        for name in {line.split()[0] for line in found}
    }
    assert len(shown) == 4
    assert [
        line
        for line in found
        if not all(option in shown[line.split()[0]] for option in re.findall(r"--[a-z-]+", line))
    ] == []


def test_make_docs_builds_the_site(tree, here):
    here("make", "docs")
    assert (tree / "build" / "site" / "index.html").is_file()


def test_an_option_that_is_not_there_is_missed():
    assert missing_options("model", "train", ["--seed", "--speed"]) == ["--speed"]
