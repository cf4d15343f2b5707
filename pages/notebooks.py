"""The notebooks with their outputs, in docs/notebooks: `make notebooks` runs each from top to bottom.

The notebooks themselves are kept without output. The copies show, on GitHub and on the site, what a run gave.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

import nbformat
from nbclient import NotebookClient

from pages.site import ROOT

OUTPUTS = ROOT / "docs" / "notebooks"
TIME_LIMIT_S = 1200


def notebooks() -> List[Path]:
    """Return the notebooks of the board's package, then those of the workstation."""
    return [*sorted(ROOT.glob("driver/notebooks/*.ipynb")), *sorted(ROOT.glob("notebooks/*.ipynb"))]


def run(path: Path) -> Path:
    """Run a notebook and write it with its outputs. Returns the file; the first error of a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(ROOT)}}
    NotebookClient(
        notebook, timeout=TIME_LIMIT_S, resources=where, record_timing=False, store_widget_state=False
    ).execute()
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    # Where the checkout lies is nobody's business.
    text = nbformat.writes(notebook).replace(str(ROOT), "lst-overlay")
    (OUTPUTS / path.name).write_text(text + "\n", encoding="utf-8")
    return OUTPUTS / path.name


if __name__ == "__main__":
    for notebook in notebooks():
        if sys.argv[1:] in ([], [notebook.stem]):
            print(run(notebook).relative_to(ROOT))
