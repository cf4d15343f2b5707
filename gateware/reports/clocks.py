"""docs/clocks.md: the estimated delays beside those of designs that were placed and routed.

The routed paths and clocks lie in docs/clocks.json: they come from open tools and were taken once, of the
designs before any of these paths was mended. So were the estimates beside them, ``before``. The estimates of
today's designs, ``now``, are measured. What each way to fewer carry chains gave was taken once too, since the
generator has only the ways that stayed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from gateware import ROOT
from gateware.designs import TOP, make_design
from gateware.device import CAPACITY
from gateware.engines.row_parallel.limits import SLICE_SHARE
from gateware.reports import ladder
from gateware.toolchain import timing
from gateware.toolchain.resources import design_directory, synthesize
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from pages.page import Figures, Page

COMMAND = "make clocks"
_ALL = 1_000_000


def write_clocks() -> List[Path]:
    """Estimate the paths of the designs that were routed and write the page. Returns the files written."""
    figures = PAGE.figures()
    paths = [path for design in figures["routed"] if design["estimated"] for path in _paths(design)]
    for row in figures["paths"]:
        found = [path for path in paths if _is(row, path)]
        slowest = max(found, key=lambda path: path.total, default=None)
        row["now"] = slowest and {
            "logic": round(slowest.logic, 2),
            "wires": round(slowest.total - slowest.logic, 2),
            "path": f"{slowest.start} > {slowest.end}",
        }
    return PAGE.write(figures)


def _paths(design: Dict[str, Any]) -> List[timing.Path]:
    engine, name = design["engine"], design["network"]
    print(f"clocks: estimating {engine} {name or ''}", file=sys.stderr, flush=True)
    made = make_design(engine, name and load_network(find(name)))
    netlist = synthesize(made.verilog, TOP, design_directory(ladder.RESOURCES, made)).netlist
    return [path.with_rooms(made.rooms) for path in timing.worst_paths(netlist, _ALL)]


def _is(row: Dict[str, Any], path: timing.Path) -> bool:
    return bool(re.search(row["start"], path.start) and re.search(row["end"], path.end))


def _estimate(found: Optional[Dict[str, Any]]) -> str:
    """The total of a path and the part of its logic, or that there is none."""
    if found is None:
        return "none"
    return f"{found['logic'] + found['wires']:.2f} ({found['logic']:.2f}) ns"


def view(figures: Figures) -> Dict[str, Any]:
    rungs = [
        {
            **rung["ideal"],
            **rung["top"],
            "part": ladder.part_of(rung).upper(),
            "share": 100 * rung["top"]["slices"] / CAPACITY[ladder.part_of(rung)]["slices"],
        }
        for rung in ladder.PAGE.figures()["rungs"]
    ]
    compared = []
    for row in figures["paths"]:
        logic, wires = (" to ".join(f"{value:.1f}" for value in row[key]) for key in ("logic", "wires"))
        estimates = {when: _estimate(row[when]) for when in ("before", "now")}
        names = row["now"]["path"] if row["now"] else ""
        compared.append({**row, **estimates, "names": names, "logic": logic, "wires": wires})
    compared.sort(key=lambda row: row["before"], reverse=True)
    return {
        "command": COMMAND,
        "compared": compared,
        "routed": figures["routed"],
        "rungs": rungs,
        "wires": timing.WIRES,
        "share": 100 * SLICE_SHARE,
        "budget_share": 100 * timing.BUDGET_SHARE,
        "budgets": [{"mhz": 1000 / period, "ns": timing.budget_of(period)} for period in (5, 6, 7)],
        "chains": [
            {
                "what": row["what"],
                **{key: f"{row['before'][key]:,} > {row['after'][key]:,}" for key in row["after"]},
            }
            for row in figures["chains"]
        ],
        "device": ladder.DEVICE,
    }


PAGE = Page(ROOT / "docs" / "clocks.md", Path(__file__).parent / "templates" / "clocks.md.j2", view)
