"""`make bitstream`: sources for Vivado, Vivado in batch mode, and what a board needs of its results."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List

from gateware import ROOT
from gateware.designs import TOP, Design
from gateware.device import BOARDS, DEFAULT_BOARD, Board
from gateware.toolchain.manifest import add_entry, read_manifest
from lst_overlay.hardware.bitstream_files import network_of
from lst_overlay.network import save_network

BITSTREAMS = ROOT / "bitstreams"
SCRIPT = "vivado.tcl"
RESULT = "result.json"
WARNING = f"WARNING: {SCRIPT}"  # how the script begins a warning of its own, among Vivado's many


class VivadoError(RuntimeError):
    """Vivado is missing, or ended without a bitstream that meets timing."""


def write_sources(design: Design, directory: Path, board: str = DEFAULT_BOARD) -> None:
    """Everything that Vivado reads, and the .hwh without the bitstream's hash."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{TOP}.v").write_text(design.verilog)
    (directory / f"{TOP}.xdc").write_text(constraints(design))
    shutil.copyfile(Path(__file__).with_name(SCRIPT), directory / SCRIPT)
    design.write_hwh(directory / f"{TOP}.hwh", board=board)


def constraints(design: Design) -> str:
    """A bare PS7 brings no clock of its own: without the first line nothing would be timed at all."""
    return (
        f"create_clock -name fclk0 -period {design.period_ns:.3f} [get_pins {{ps7/FCLKCLK[0]}}]\n"
        "# Asserted whenever the PS likes; released through these two registers.\n"
        "set_false_path -to [get_pins {reset_first/PRE reset_second/PRE}]\n"
        "set_property ASYNC_REG TRUE [get_cells {reset_first reset_second}]\n"
    )


def build(board: str, design: Design, vivado: str, work_dir: Path) -> Path:
    """Run Vivado, deliver .bit and .hwh to bitstreams/<board>, add to its manifest.json. Returns the .bit.

    Raises VivadoError if Vivado is missing (the sources are written), fails, misses timing or leaves no
    bitstream; ManifestError.
    """
    write_sources(design, work_dir, board)
    program = shutil.which(vivado)
    if program is None:
        raise VivadoError(
            f"Vivado is missing: no program {vivado!r} (VIVADO= names another); all sources are in "
            f"{work_dir}, its Tcl is "
            f"{work_dir / SCRIPT}: vivado -mode batch -source {SCRIPT} -tclargs {BOARDS[board].part}"
        )
    # Before the long run: a manifest that cannot be added to, and what the sources were made from.
    read_manifest(BITSTREAMS / board)
    origin = _origin(board, design)
    built, result = work_dir / f"{TOP}.bit", work_dir / RESULT
    for former in (built, result):
        former.unlink(missing_ok=True)
    print(
        f"bitstream: {vivado} is at work (ten minutes or so); its log: {work_dir / 'vivado.log'}",
        file=sys.stderr,
        flush=True,
    )
    _run(
        [program, "-mode", "batch", "-nojournal", "-source", SCRIPT, "-tclargs", BOARDS[board].part], work_dir
    )
    if not built.is_file():
        raise VivadoError(f"Vivado ended well but left no {built}")
    return _deliver(board, design, built, {**origin, **_measured(result, BOARDS[board])})


def _run(command: List[str], work_dir: Path) -> None:
    """Run Vivado and pass on the script's own warnings. VivadoError with its errors, or its last lines."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=work_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith(WARNING):
                print(f"bitstream: {line.strip()}", file=sys.stderr, flush=True)
    if process.returncode:
        errors = [line for line in lines if line.startswith(("ERROR:", f"{SCRIPT}:"))]
        raise VivadoError(
            f"Vivado ended with status {process.returncode}: "
            f"{'; '.join(errors or lines[-12:]) or 'without a word'}"
        )


def _measured(result: Path, board: Board) -> Dict:
    """Version, slack, cells and the share of the part that they take. VivadoError unless timing is met."""
    try:
        found = json.loads(result.read_text())
        slack, cells = min(found["setup_slack_ns"], found["hold_slack_ns"]), found["cells"]
        used = {
            "lut": cells["lut"],
            "ff": cells["ff"],
            "ramb18": cells["ramb18"] + 2 * cells["ramb36"],
            "dsp48e1": cells["dsp48e1"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VivadoError(
            f"Vivado ended well but {result} does not say what it found ({type(error).__name__}: {error})"
        ) from None
    if slack < 0:
        raise VivadoError(f"timing is not met: the worst slack is {slack} ns")
    return {
        **found,
        "percent_of_part": {
            name: round(100 * count / board.capacity[name], 1) for name, count in used.items()
        },
    }


def _deliver(board: str, design: Design, built: Path, entry: Dict) -> Path:
    directory = BITSTREAMS / board
    directory.mkdir(parents=True, exist_ok=True)
    bit = directory / f"{design.stem}.bit"
    shutil.copyfile(built, bit)
    design.write_hwh(bit.with_suffix(".hwh"), bitstream=bit, board=board)
    files = [bit, bit.with_suffix(".hwh")]
    if design.network is not None:
        save_network(design.network, network_of(bit))
        files.append(network_of(bit))
    add_entry(
        directory,
        design.stem,
        {**entry, "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}},
    )
    return bit


def _origin(board: str, design: Design) -> Dict:
    return {
        "board": board,
        "part": BOARDS[board].part,
        "engine": design.engine,
        "network": design.network.name if design.network else None,
        "build_hash": f"0x{design.build_hash:08X}",
        "fclk_mhz": 1000 / design.period_ns,
        "commit": _commit(),
        **{name: version(name) for name in ("migen", "litex")},
    }


def _commit() -> str:
    if shutil.which("git") is None:
        return "unknown"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"
