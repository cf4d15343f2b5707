"""`make bitstream`: sources for Vivado, Vivado in batch mode, and what a board needs of its results."""
from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Dict

from gateware.designs import TOP, Design
from gateware.hwh import IO_PLL_MHZ, write_hwh
from lst_overlay.bitstream_files import network_of
from lst_overlay.network import save_network

ROOT = Path(__file__).resolve().parents[1]
BITSTREAMS = ROOT / "bitstreams"
SCRIPT = "vivado.tcl"


class VivadoError(RuntimeError):
    """Vivado is missing, or ended without a bitstream that meets timing."""


@dataclass(frozen=True)
class Board:
    """The design uses the PS alone, no pins, so a part is all that could differ."""

    part: str


BOARDS = {
    "zybo_z7_10": Board(part="xc7z010clg400-1"),
    # Never built.
    "zybo_z7_20": Board(part="xc7z020clg400-1"),
    "pynq_z1": Board(part="xc7z020clg400-1"),
    "pynq_z2": Board(part="xc7z020clg400-1"),
}


def write_sources(design: Design, directory: Path) -> None:
    """Everything that Vivado reads, and the .hwh without the bitstream's hash."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{TOP}.v").write_text(design.verilog)
    (directory / f"{TOP}.xdc").write_text(constraints(design))
    shutil.copyfile(Path(__file__).with_name(SCRIPT), directory / SCRIPT)
    write_hwh(directory / f"{TOP}.hwh", design.build_hash, design.capabilities, design.divisors)


def constraints(design: Design) -> str:
    """A bare PS7 brings no clock of its own: without the first line nothing would be timed at all."""
    period_ns = 1000 * design.divisors[0] * design.divisors[1] / IO_PLL_MHZ
    return (f"create_clock -name fclk0 -period {period_ns:.3f} [get_pins {{ps7/FCLKCLK[0]}}]\n"
            "# Asserted whenever the PS likes; released through these two registers.\n"
            "set_false_path -to [get_pins {reset_first/PRE reset_second/PRE}]\n"
            "set_property ASYNC_REG TRUE [get_cells {reset_first reset_second}]\n")


def build(board: str, design: Design, vivado: str, work_dir: Path) -> Path:
    """Run Vivado and put .bit, .hwh and manifest.json into bitstreams/<board>. Returns the .bit.

    Raises VivadoError if Vivado is not there (the sources are), fails, misses timing or leaves no bitstream.
    """
    write_sources(design, work_dir)
    program = shutil.which(vivado)
    if program is None:
        raise VivadoError(f"Vivado is missing: no program {vivado!r} (VIVADO= names another); all sources are in {work_dir}, its Tcl is "
                          f"{work_dir / SCRIPT}: vivado -mode batch -source {SCRIPT} -tclargs {BOARDS[board].part}")
    built = work_dir / f"{TOP}.bit"
    built.unlink(missing_ok=True)
    print(f"bitstream: {vivado} is at work (ten minutes or so); its log: {work_dir / 'vivado.log'}", file=sys.stderr, flush=True)
    done = subprocess.run([program, "-mode", "batch", "-nojournal", "-source", SCRIPT, "-tclargs", BOARDS[board].part],
                          cwd=work_dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise VivadoError(f"Vivado ended with status {done.returncode}, its last words:\n{done.stdout[-1500:]}")
    if not built.is_file():
        raise VivadoError(f"Vivado ended well but left no {built}")
    return _deliver(board, design, built, json.loads((work_dir / "result.json").read_text()))


def _deliver(board: str, design: Design, built: Path, result: Dict) -> Path:
    if min(result["setup_slack_ns"], result["hold_slack_ns"]) < 0:
        raise VivadoError(f"timing is not met: {result}")
    directory = BITSTREAMS / board
    directory.mkdir(parents=True, exist_ok=True)
    bit = directory / f"{design.stem}.bit"
    shutil.copyfile(built, bit)
    write_hwh(bit.with_suffix(".hwh"), design.build_hash, design.capabilities, design.divisors, bitstream=bit)
    if design.network is not None:
        save_network(design.network, network_of(bit))
    manifest = {
        "board": board, "part": BOARDS[board].part, "engine": design.engine,
        "network": design.network.name if design.network else None, "build_hash": f"0x{design.build_hash:08X}",
        "fclk_mhz": IO_PLL_MHZ / (design.divisors[0] * design.divisors[1]), "commit": _commit(), **result,
        **{name: version(name) for name in ("migen", "litex")},
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (bit, bit.with_suffix(".hwh"))},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return bit


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
