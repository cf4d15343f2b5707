"""Notebooks run from top to bottom, show pictures, are kept without output; `make` opens copies."""

import os
import shlex
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALL = [*NOTEBOOKS, *(ROOT / "driver" / "notebooks").glob("*.ipynb")]
# In the place of the environment's Python: it records where it runs, the variables and the arguments.
STUB = """#!/bin/sh
echo "$LST_BOARD|$PYTHONPATH|$*" >> {record}
"""


@pytest.fixture
def make_notebook(tmp_path):
    """A function that runs `make notebook` with a stub in place of Python; it returns the stub's record."""
    stub, record = tmp_path / "venv" / "bin" / "python", tmp_path / "record"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB.format(record=shlex.quote(str(record))))
    stub.chmod(0o755)
    for stamp in (".demo", ".notebook"):
        (tmp_path / "venv" / stamp).touch()

    def run():
        record.unlink(missing_ok=True)
        places = [f"VENV={tmp_path / 'venv'}", f"NOTEBOOKS={tmp_path / 'copies'}"]
        bare = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LST_BOARD")}
        done = subprocess.run(
            ["make", "notebook", *places], cwd=ROOT, env=bare, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return record.read_text().splitlines()

    return run


def test_make_notebook_opens_copies_of_all_notebooks(make_notebook, tmp_path):
    build, jupyter = make_notebook()
    assert build.endswith("-m gateware simulate --build-only")
    assert f"-m jupyterlab --notebook-dir {tmp_path / 'copies'}" in jupyter
    copies = {path.name: path.read_bytes() for path in (tmp_path / "copies").iterdir()}
    assert copies == {path.name: path.read_bytes() for path in ALL} and len(copies) >= 6


def test_make_notebook_never_writes_over_a_copy_and_brings_back_one_that_is_gone(make_notebook, tmp_path):
    make_notebook()
    changed, gone = (tmp_path / "copies" / path.name for path in ALL[:2])
    changed.write_text("mine")
    gone.unlink()
    make_notebook()
    assert changed.read_text() == "mine" and gone.read_bytes() == ALL[1].read_bytes()


def test_make_notebook_sets_the_simulated_board_and_lets_notebooks_import_the_checkout(make_notebook):
    board, path, _ = make_notebook()[1].split("|")
    assert board == "sim"
    found = subprocess.run(
        [sys.executable, "-c", "import model; print(model.__path__[0])"],
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == str(ROOT / "model")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_output(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_ends_with_a_picture(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("EPOCHS = 60", "EPOCHS = 2")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'driver'}"}
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute(env=environment)
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert any("image/png" in output.get("data", {}) for output in last.outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_without_torch_says_in_one_line_what_to_install(path):
    source = next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    blocked = f"import sys\nsys.modules['torch'] = None\n{source}"
    done = subprocess.run([sys.executable, "-c", blocked], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("torch is missing: ")
    assert done.stderr.count("\n") == 1 and "`make workstation`" in done.stderr
