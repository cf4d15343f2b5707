"""The notebooks that the site shows were run as they stand."""

import re

import nbformat
import pytest

from pages.notebooks import OUTPUTS, notebooks

each_notebook = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def test_every_notebook_and_nothing_else_is_shown():
    assert sorted(path.name for path in OUTPUTS.iterdir()) == sorted(path.name for path in notebooks())


@each_notebook
def test_what_is_shown_is_a_run_of_the_notebook(path):
    shown, kept = (nbformat.read(file, as_version=4).cells for file in (OUTPUTS / path.name, path))
    assert [cell.source for cell in shown] == [cell.source for cell in kept], (
        f"docs/notebooks/{path.name} is stale: make notebooks"
    )
    code = [cell for cell in shown if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, 1 + len(code)))
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)


@each_notebook
def test_a_run_tells_nothing_of_the_machine_it_ran_on(path):
    shown = (OUTPUTS / path.name).read_text()
    assert not re.search(r"/(work|home|root|Users)/", shown)
