"""The wheel for the board: the driver with everything that it may need there, packed by pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from gateware import ROOT
from gateware.designs import ENGINES, make_design, network_to_build_in
from gateware.device import BOARDS
from gateware.toolchain.csr_json import csr_json
from lst_overlay.hardware.bitstream_files import DEFAULT_BOARD, SIMULATED
from lst_overlay.samples.shipped_networks import find

FILES = ("setup.py", "README.md", "LICENSE")
BITSTREAM_FILES = (".bit", ".hwh", ".npz", ".json")


def build_wheel(out: Path, staging: Path = ROOT / "build" / "wheel", jobs: int = 2) -> Path:
    """Write the wheel into ``out``, in the place of an older one, and return its path.

    RuntimeError with pip's message if that fails. Beside the driver it holds the register map, the notebooks,
    what lies in bitstreams/ for real boards, and for each engine that is made for the default board's part
    the .hwh with its default network, so that a .bit of the same sources needs nothing else.
    """
    shutil.rmtree(staging, ignore_errors=True)
    package = staging / "driver" / "lst_overlay"
    shutil.copytree(ROOT / "driver" / "lst_overlay", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, staging)
    (package / "registers.json").write_text(csr_json(), encoding="utf-8")
    notebooks = _package(package / "notebooks", "Notebooks, for `pynq get-notebooks`.")
    for path in sorted((ROOT / "driver" / "notebooks").glob("*.ipynb")):
        shutil.copy(path, notebooks)
    bitstreams = _package(
        package / "bitstreams", "Bitstreams by board, each with its .hwh and, if it is built in, its network."
    )
    for path in sorted((ROOT / "bitstreams").glob("*/*")):
        if path.parent.name != SIMULATED and path.suffix in BITSTREAM_FILES:
            (bitstreams / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, bitstreams / path.parent.name)
    board = bitstreams / DEFAULT_BOARD
    board.mkdir(exist_ok=True)
    # Names are global in Migen: a process for each design, new ones, since locks of other threads are copied.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        fitting = [name for name, spec in ENGINES.items() if spec.part == BOARDS[DEFAULT_BOARD].die]
        list(pool.map(_describe, fitting, [board] * len(fitting)))
    return _packed(staging, out)


def _package(directory: Path, about: str) -> Path:
    directory.mkdir()
    (directory / "__init__.py").write_text(f'"""{about}"""\n', encoding="utf-8")
    return directory


def _describe(engine: str, board: Path) -> None:
    """The .hwh of an engine with its default network, unless Vivado's build has brought one."""
    design = make_design(engine, network_to_build_in(engine))
    path = board / f"{design.stem}.hwh"
    if not path.exists():
        design.write_hwh(path)
        if design.network is not None:
            shutil.copy(find(design.network.name), path.with_suffix(".npz"))


def _packed(staging: Path, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(out),
        str(staging),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"pip could not build the wheel:\n{done.stderr.strip()}")
    made, *others = sorted(
        out.glob("lst_overlay-*.whl"), key=lambda path: path.stat().st_mtime_ns, reverse=True
    )
    for other in others:
        other.unlink()
    return made
