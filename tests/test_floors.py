"""The floors of pyproject.toml: a wrong import breaks each of its contracts."""

import os
import re
import shutil
import subprocess
import sys

import tomllib

from tests import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in SETTINGS["contracts"]]
# A file, and an import that it must not have: one for each contract.
WRONG = {
    "gateware/reports/simulate.py": "import model.training.data",
    "driver/lst_overlay/memory/images.py": "import torch",
    "datasets/digits.py": "import model.training.data",
    "pages/table.py": "import lst_overlay.network",
    "driver/lst_overlay/registers.py": "import lst_overlay.overlay",
    "gateware/cores/fifo.py": "import gateware.shell.top",
    "gateware/engines/folded/pipeline.py": "import gateware.engines.row_parallel.lookup",
    "model/kernels/lookup.py": "import model.reports.evaluate",
}


def contracts_of(directory):
    """Each contract of the packages in ``directory``, and whether it is kept."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{directory / 'driver'}{os.pathsep}{directory}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = dict(re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?$", done.stdout, re.MULTILINE))
    assert list(found) == CONTRACTS, done.stdout + done.stderr
    return found


def test_each_contract_is_broken_by_a_wrong_import(tmp_path):
    for package in SETTINGS["root_packages"]:
        path = next(path for path in (ROOT / "driver" / package, ROOT / package) if path.is_dir())
        shutil.copytree(path, tmp_path / path.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert set(contracts_of(tmp_path).values()) == {"KEPT"}
    for name, line in WRONG.items():
        path = tmp_path / name
        path.write_text(path.read_text() + f"{line}\n")
    assert set(contracts_of(tmp_path).values()) == {"BROKEN"}


def test_tests_of_the_driver_collect_without_torch():
    """They run on each Python and pynq of the boards, where it is not installed (`make matrix`)."""
    wrong = re.compile(r"^(import|from) (torch|model)\b", re.MULTILINE)
    files = list((ROOT / "tests" / "driver").rglob("*.py"))
    assert files and [path for path in files if wrong.search(path.read_text(encoding="utf-8"))] == []
