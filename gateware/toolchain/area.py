"""The area of a mapped netlist in slices, and what each room of the design takes.

A slice of the 7 series has four LUT6, each usable as two LUTs of five shared inputs, one CARRY4 and eight
flip-flops.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Dict, List, Set

from gateware.toolchain.netlist import (
    FLIP_FLOPS,
    LUT_COST,
    LUT_RAMS,
    LUTS,
    RAMB18,
    Cell,
    Netlist,
)

LUTS_PER_SLICE, FLIP_FLOPS_PER_SLICE = 4, 8
PAIRED_INPUTS = 5  # of two LUTs that share a LUT6
_FIGURES = ("lut", "ff", "ramb18", "dsp48e1", "carry4")


def slices_at_least(netlist: Netlist) -> int:
    """Return a number of slices below which no placer can go; it needs more.

    - Each CARRY4 takes a slice, since a slice has one. Its inputs S take the LUT6 beside them, which hold the
      LUTs that drive S or pass signals through.
    - A LUT RAM of four LUTs takes a slice of its own.
    - All other LUTs, LUT RAM and shift registers fill the LUT6 that chains leave free, then further slices.
      Two LUTs share a LUT6 if they have at most five inputs together. Each LUT that has any such partner is
      taken to share; so are all shift registers of up to 16 bits.
    - Flip-flops of a slice have clock, enable and reset in common.
    """
    cells = Counter(cell.type for cell in netlist.cells)
    whole = sum(cells[kind] for kind in LUT_RAMS if LUT_COST[kind] == LUTS_PER_SLICE)
    sites = sum(LUT_COST[kind] * cells[kind] for kind in LUT_RAMS if LUT_COST[kind] < LUTS_PER_SLICE)
    sites += cells["SRLC32E"] + math.ceil(cells["SRL16E"] / 2)
    chains = [cell for cell in netlist.cells if cell.type == "CARRY4"]
    selects = [net for cell in chains for net in cell.inputs["S"] if isinstance(net, int)]
    sites += _lut_sites(netlist, set(selects))
    free = LUTS_PER_SLICE * len(chains) - len(selects)
    of_luts = len(chains) + whole + max(0, math.ceil((sites - free) / LUTS_PER_SLICE))
    control_sets = Counter(_control_set(cell) for cell in netlist.cells if cell.type in FLIP_FLOPS)
    return max(of_luts, sum(math.ceil(count / FLIP_FLOPS_PER_SLICE) for count in control_sets.values()))


def _lut_sites(netlist: Netlist, selects: Set[int]) -> int:
    """The least number of LUT6 for the LUTs that drive none of ``selects``, the inputs S of carry chains.

    A LUT that drives S has a LUT6 beside the chain, and room for one partner.
    """
    luts = [cell for cell in netlist.cells if cell.type in LUTS]
    inputs = [
        frozenset(net for nets in cell.inputs.values() for net in nets if isinstance(net, int))
        for cell in luts
    ]
    beside = [cell.outputs["O"][0] in selects for cell in luts]
    readers: Dict[int, List[int]] = defaultdict(list)
    for index, nets in enumerate(inputs):
        for net in nets:
            readers[net].append(index)
    by_inputs = Counter(map(len, inputs))

    def has_partner(index: int) -> bool:
        nets = inputs[index]
        if any(by_inputs[count] for count in range(PAIRED_INPUTS - len(nets) + 1)):
            return True  # one that may share nothing, perhaps itself: the bound stays one
        return any(
            other != index and len(nets | inputs[other]) <= PAIRED_INPUTS
            for net in nets
            for other in readers[net]
        )

    hosts = sum(has_partner(index) for index in range(len(luts)) if beside[index])
    paired = sum(has_partner(index) for index in range(len(luts)) if not beside[index])
    alone = len(luts) - sum(beside) - paired
    return alone + math.ceil(max(0, paired - hosts) / 2)


def _control_set(cell: Cell) -> tuple:
    """Clock, enable and reset of a flip-flop, and whether the reset is synchronous."""
    reset = next((cell.inputs[port] for port in ("R", "S", "PRE", "CLR") if port in cell.inputs), [])
    synchronous = "PRE" not in cell.inputs and "CLR" not in cell.inputs
    return str(cell.inputs.get("C")), str(cell.inputs.get("CE")), str(reset), synchronous


def rooms_of(netlist: Netlist, rooms: Dict[str, str]) -> Dict[str, Dict[str, int]]:
    """Return what each room takes: lut, ff, ramb18, dsp48e1 and carry4, by the room's name.

    ``rooms`` is what `emit_with_rooms` returns. A cell without a name is in the room of the nearest register
    that its output leads to; the room "" has what leads to none.
    """
    sinks: Dict[int, List[Cell]] = defaultdict(list)
    for cell in netlist.cells:
        for nets in cell.inputs.values():
            for net in nets:
                if isinstance(net, int):
                    sinks[net].append(cell)
    named: Dict[str, str] = {}

    def own_room(cell: Cell) -> str:
        names = [cell.name, cell.name.split(".")[0]]
        names += [
            netlist.names[net] for nets in cell.outputs.values() for net in nets if net in netlist.names
        ]
        return next((rooms[name.split("[")[0]] for name in names if name.split("[")[0] in rooms), "")

    def room(cell: Cell) -> str:
        seen, near = {cell.name}, [cell]
        while near:
            for candidate in near:
                if candidate.name not in named:
                    named[candidate.name] = own_room(candidate)
                if named[candidate.name]:
                    return named[candidate.name]
            following = []
            for candidate in near:
                for nets in candidate.outputs.values():
                    for net in nets:
                        for sink in sinks.get(net, ()):
                            if sink.name not in seen:
                                seen.add(sink.name)
                                following.append(sink)
            near = following
        return ""

    taken: Dict[str, Counter] = defaultdict(Counter)
    for cell in netlist.cells:
        figures = {
            "lut": LUT_COST.get(cell.type, 0),
            "ff": cell.type in FLIP_FLOPS,
            "ramb18": RAMB18.get(cell.type, 0),
            "dsp48e1": cell.type == "DSP48E1",
            "carry4": cell.type == "CARRY4",
        }
        if any(figures.values()):
            taken[room(cell)].update({key: int(value) for key, value in figures.items()})
    return {name: {key: taken[name][key] for key in _FIGURES} for name in sorted(taken)}
