"""The driver's tests against the wheel, for each pair of Python and pynq that boards have.

Each pair gets a virtual environment of its own with the wheel, pynq and what tests need: no gateware tools,
no torch. The libraries of the simulated board are built before, by this environment. The results go into
docs/board_package.md, which also names a pair whose interpreter is missing. At the end the package computes
on an emulated 32-bit ARM (`tools.armhf`), if what that needs is at hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

from gateware.simulator.bitstream import build_simulated_bitstream
from gateware.simulator.build import build_library
from gateware.toolchain.wheel import build_wheel
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests.conftest import declared_engines
from tests.driver.test_built_in import DESIGNS
from tests.driver.test_resmlp_simulated import STREAMED
from tests.gateware.simulator import traffic_design
from tools import armhf, board_package

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "matrix"
PAIRS = (("3.10", "3.0.1", "the image for the Zybo Z7-10"), ("3.11", "3.1.2", ""), ("3.11", "4.0.0", ""))
# pynq needs older packages than it declares: numpy 2 and pycparser 3 break it, setuptools 81 lost
# pkg_resources.
COMPANIONS = ["setuptools<81", "wheel", "numpy<2", "pycparser<3"]
TOOLS = [
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "scikit-learn",
    "fxpmath",
    "nbclient",
    "ipykernel",
    "matplotlib",
    "pillow",
    "ipywidgets",
]
TIMEOUT_S = 1800


class Row(NamedTuple):
    """The outcome of a pair.

    board: the image that has this pair, if any. numpy, notebooks: empty if nothing ran.
    """

    python: str
    pynq: str
    board: str
    numpy: str
    tests: str
    notebooks: str
    passed: bool = False


def interpreter(version: str) -> Optional[str]:
    """Return a Python of that version, on the path or one of pyenv's; None if there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in [
        f"python{version}",
        *sorted(map(str, root.glob(f"{version}.*/bin/python")), reverse=True),
    ]:
        try:
            done = subprocess.run(
                [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
            )
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


def prepare() -> Tuple[Path, Path]:
    """Build the wheel and the simulated bitstreams. Returns the wheel and the directory of the bitstreams."""
    WORK.mkdir(parents=True, exist_ok=True)
    simulated = WORK / "simulated"
    for spec in declared_engines():
        if spec.loadable:
            build_simulated_bitstream(spec.name, directory=simulated)
    build_simulated_bitstream("resmlp_streaming", STREAMED, simulated)
    for spec, name in DESIGNS:
        build_simulated_bitstream(spec.name, load_network(find(name)), simulated)
    build_library(traffic_design.VERILOG, simulated)
    declared = ("name", "network", "family", "loadable", "cycles_per_image", "divisors")
    engines = [{key: getattr(spec, key) for key in declared} for spec in declared_engines()]
    (simulated / "engines.json").write_text(json.dumps(engines))
    return build_wheel(WORK), simulated


def run(python: str, pynq: str, board: str, wheel: Path, simulated: Path) -> Row:
    program = interpreter(python)
    if program is None:
        return Row(python, pynq, board, "", f"skipped: no Python {python} here", "")
    directory = WORK / f"python{python}-pynq{pynq}"
    binary = directory / "bin" / "python"
    _say(f"Python {python}, pynq {pynq}: environment (minutes the first time)")
    if not (directory / ".made").exists():
        shutil.rmtree(directory, ignore_errors=True)
        _call([program, "-m", "venv", str(directory)])
        _install(binary, *COMPANIONS)
        # pynq's source distributions are built with the companions above, not with whatever is newest.
        _install(binary, "--no-build-isolation", f"pynq=={pynq}", *COMPANIONS)
        _install(binary, *TOOLS, *COMPANIONS)
        (directory / ".made").touch()
    _install(binary, "--force-reinstall", "--no-deps", str(wheel))
    _say(f"Python {python}, pynq {pynq}: tests")
    environment = {
        **os.environ,
        "LST_PREBUILT": str(simulated),
        "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(binary), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/driver"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    log = directory / "tests.log"
    log.write_text(done.stdout + done.stderr)
    numpy = _call([str(binary), "-c", "import numpy; print(numpy.__version__)"])
    summary = re.search(r"^(\d+ .*) in [\d.]+s", done.stdout, re.MULTILINE)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-1000:], sep="\n", file=sys.stderr)
    return Row(
        python,
        pynq,
        board,
        numpy,
        summary.group(1) if summary else f"tests did not run: see {log.relative_to(ROOT)}",
        *delivered(directory, done.returncode == 0),
    )


def delivered(environment: Path, tests_passed: bool) -> Tuple[str, bool]:
    """Return what `pynq get-notebooks` delivers, in words, and whether all is well."""
    target = environment / "notebooks"
    shutil.rmtree(target, ignore_errors=True)
    pynq = str(environment / "bin" / "pynq")
    _call([pynq, "get-notebooks", "--ignore-overlays", "--path", str(target), "lst_overlay"])
    names = {path.name for path in (target / "lst_overlay").glob("*.ipynb")}
    missing = {path.name for path in (ROOT / "driver" / "notebooks").glob("*.ipynb")} - names
    words = f", missing: {', '.join(sorted(missing))}" if missing else ""
    return f"{len(names)} delivered{words}", tests_passed and not missing


def _install(binary: Path, *arguments: str) -> None:
    _call([str(binary), "-m", "pip", "install", "--quiet", *arguments])


def _call(command: List[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def _say(text: str) -> None:
    print(f"matrix: {text}", file=sys.stderr, flush=True)


def main() -> int:
    wheel, simulated = prepare()
    rows = [run(*pair, wheel, simulated) for pair in PAIRS]
    pairs = [{key: value for key, value in row._asdict().items() if key != "passed"} for row in rows]
    board_package.keep("matrix", {"pairs": pairs})
    for row in rows:
        print(f"Python {row.python}, pynq {row.pynq}, numpy {row.numpy}: {row.tests}; {row.notebooks}")
    equal = armhf.run()
    ran = [row for row in rows if row.notebooks]
    return 0 if ran and all(row.passed for row in ran) and equal else 1


if __name__ == "__main__":
    sys.exit(main())
