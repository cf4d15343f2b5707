"""The board's notebooks on the simulated board.

Each runs from top to bottom, ends with a picture and releases the board. Neither gateware nor model is
imported: with LST_PREBUILT (tests/conftest.py) the tests run where only the driver is installed.
"""

import ast
import io
import os
import sys

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from lst_overlay.samples import digits as sample_digits
from tests import ROOT
from tests.conftest import simulated_bitstream

NOTEBOOKS = sorted((ROOT / "driver" / "notebooks").glob("*.ipynb"))
# The modules on a PYNQ image, and the package.
ALLOWED = {"numpy", "matplotlib", "PIL", "ipywidgets", "IPython", "pynq", "lst_overlay"}
STARTUP = """import lst_overlay.hardware.bitstream_files, pathlib
lst_overlay.hardware.bitstream_files.search_roots = lambda roots=[pathlib.Path({root!r})]: roots
del lst_overlay, pathlib
"""
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.fixture(scope="module")
def array_bit(tmp_path_factory):
    """The .bit of the design for pictures in colour."""
    return simulated_bitstream(tmp_path_factory.mktemp("array"), "resmlp_array")


@pytest.fixture
def kernel_environment(tmp_path):
    """The environment of Jupyter kernels that find the board's bitstreams in ``tmp_path``."""
    (tmp_path / "bitstreams").mkdir()
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "00-bitstreams.py"
    startup.parent.mkdir(parents=True)
    startup.write_text(STARTUP.format(root=str(tmp_path / "bitstreams")))
    return {**os.environ, "LST_BOARD": "sim", "IPYTHONDIR": str(tmp_path / "ipython")}


@pytest.fixture
def run(kernel_environment, tmp_path, request):
    """A function that runs a notebook in another working directory and adds its outputs to it."""

    def run_notebook(notebook):
        in_colour = any("ResMLPOverlay" in cell.source for cell in notebook.cells)
        bit = request.getfixturevalue("array_bit" if in_colour else "simulated_bit")
        (tmp_path / "bitstreams" / "simulated").symlink_to(bit.parent)
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        ).execute(env=kernel_environment)

    return run_notebook


def test_the_notebooks_are_found():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_", "5_", "6_", "7_"]


@each_notebook
def test_a_notebook_is_kept_without_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(
        cell.get("outputs") or cell.get("execution_count") or cell.metadata for cell in notebook.cells
    )
    assert notebook.metadata.kernelspec.name == "python3" and notebook.metadata.language_info == {
        "name": "python"
    }
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")


@each_notebook
def test_a_notebook_is_python_3_8_with_what_a_board_has(path):
    imported = set()
    for cell in code_cells(nbformat.read(path, as_version=4)):
        for node in ast.walk(ast.parse(cell.source, feature_version=(3, 8))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    assert imported <= set(getattr(sys, "stdlib_module_names", {"io", "platform"})) | ALLOWED


@each_notebook
def test_a_notebooks_code_fits_the_page(path):
    long = [
        line
        for cell in code_cells(nbformat.read(path, as_version=4))
        for line in cell.source.splitlines()
        if len(line) > 120
    ]
    assert long == []


@each_notebook
def test_a_notebook_runs_ends_with_a_picture_and_frees_the_board(path, run):
    notebook = nbformat.read(path, as_version=4)
    last = code_cells(notebook)[-1]
    leave = "overlay.free()\n" if path.stem == "6_draw_a_digit" else ""  # its canvas uses the board on
    notebook.cells.append(nbformat.v4.new_code_cell(f"{leave}print(overlay, overlay.device.violations())"))
    run(notebook)
    assert any("image/png" in output.get("data", {}) for output in last.outputs)
    assert not any(output.get("name") == "stderr" for cell in code_cells(notebook) for output in cell.outputs)
    assert printed(notebook.cells[-1]).endswith(", simulated, freed) []\n")


@pytest.mark.parametrize(
    "stem, line",
    [
        ("3_your_own_digits", "no button for uploads without ipywidgets: pip install ipywidgets, or "),
        ("6_draw_a_digit", "the canvas needs ipywidgets, which PYNQ's images have: pip install ipywidgets"),
    ],
)
def test_a_notebook_without_ipywidgets_says_so_in_one_line_and_goes_on(run, stem, line):
    path = next(path for path in NOTEBOOKS if path.stem == stem)
    assert [path for path in NOTEBOOKS if "ipywidgets" in path.read_text()] == [
        path for path in NOTEBOOKS if path.stem in ("3_your_own_digits", "6_draw_a_digit")
    ]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("import sys; sys.modules['ipywidgets'] = None"))
    run(notebook)
    (said,) = [printed(cell) for cell in code_cells(notebook) if line in printed(cell)]
    assert said.count("\n") == 1 and said.startswith(line)
    assert any("image/png" in output.get("data", {}) for output in code_cells(notebook)[-1].outputs)


def test_a_file_that_is_named_is_classified(run, tmp_path):
    images, labels = sample_digits.load("digits")
    Image.fromarray(255 - np.pad(images[8], 5)).resize((700, 700)).save(tmp_path / "mine.png")
    notebook = nbformat.read(next(path for path in NOTEBOOKS if path.stem.startswith("3_")), as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("PICTURE = None", "PICTURE = 'mine.png'")
    notebook.cells.append(nbformat.v4.new_code_cell("print(answer.digit)"))
    run(notebook)
    assert printed(notebook.cells[-1]) == f"{labels[8]}\n"


@pytest.mark.parametrize(
    "value",
    [
        "{'photo.png': {'metadata': {}, 'content': PHOTO}}",
        "({'name': 'photo.png', 'content': memoryview(PHOTO)},)",
    ],
    ids=["ipywidgets 7", "ipywidgets 8"],
)
def test_an_uploaded_photograph_is_classified(run, value):
    images, labels = sample_digits.load()
    photo = io.BytesIO()
    Image.fromarray(255 - np.pad(images[8], 5)).resize((700, 700)).save(photo, "PNG")
    notebook = nbformat.read(next(path for path in NOTEBOOKS if path.stem.startswith("3_")), as_version=4)
    number = next(number for number, cell in enumerate(notebook.cells) if "FileUpload" in cell.source)
    notebook.cells.insert(
        number + 1,
        nbformat.v4.new_code_cell(
            f"from types import SimpleNamespace\nPHOTO = {photo.getvalue()!r}\n"
            f"upload = SimpleNamespace(value={value})"
        ),
    )
    notebook.cells.append(nbformat.v4.new_code_cell("print(len(files), answer.digit)"))
    run(notebook)
    assert printed(notebook.cells[-1]) == f"1 {labels[8]}\n"
