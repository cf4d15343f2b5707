"""Reads a netlist that Yosys mapped to 7-series cells: cost, depth of logic, open inputs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

LUTS = {f"LUT{i}" for i in range(1, 7)} | {"INV"}
LUT_COST = {
    **{name: 1 for name in LUTS},
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32X1D": 2,  # a copy for each port; UG474, table 2-3
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "SRL16E": 1,
    "SRLC32E": 1,
}
FLIP_FLOPS = {"FDRE", "FDSE", "FDPE", "FDCE"}
RAMB18 = {"RAMB18E1": 1, "RAMB36E1": 2}
LUT_RAMS = {"RAM32M", "RAM64M", "RAM32X1D", "RAM64X1D", "RAM128X1D"}
SHIFT_REGISTERS = {"SRL16E", "SRLC32E"}
# Cells that a signal passes through within a clock. LUT RAM is read like a LUT.
_COMBINATIONAL = LUTS | {"MUXF7", "MUXF8", "CARRY4"} | LUT_RAMS
_KNOWN = _COMBINATIONAL | FLIP_FLOPS | set(LUT_COST) | set(RAMB18) | {"DSP48E1", "BUFG", "PS7"}


@dataclass(frozen=True)
class Cell:
    name: str
    type: str
    parameters: Dict[str, str]
    inputs: Dict[str, list]
    outputs: Dict[str, list]


class Netlist:
    """One flattened module from `write_json`.

    names: net -> the bit's name in the Verilog, for nets that have one.
    """

    def __init__(self, cells: List[Cell], names: Optional[Dict[int, str]] = None):
        self.cells = cells
        self.names = names or {}
        self.driver = {
            bit: cell
            for cell in cells
            for bits in cell.outputs.values()
            for bit in bits
            if isinstance(bit, int)
        }

    @classmethod
    def read(cls, path: Path, top: str) -> Netlist:
        modules = json.loads(Path(path).read_text())["modules"]
        cells = []
        for name, cell in modules[top]["cells"].items():
            directions = cell["port_directions"]
            inputs, outputs = (
                {port: bits for port, bits in cell["connections"].items() if directions[port] == way}
                for way in ("input", "output")
            )
            cells.append(Cell(name, cell["type"], cell["parameters"], inputs, outputs))
        names: Dict[int, str] = {}
        for name, signal in modules[top].get("netnames", {}).items():
            for index, net in enumerate(signal["bits"] if not signal["hide_name"] else ()):
                names.setdefault(net, f"{name}[{index}]" if len(signal["bits"]) > 1 else name)
        return cls(cells, names)

    def name_of_output(self, net: int) -> str:
        """The name of a net, or its driver's if it has none."""
        driver = self.driver[net]
        return self.names.get(net) or _name_of_cell(driver)

    def name_of_input(self, cell: Cell, port: str, index: int) -> str:
        """The name of a register and the input at which a path ends; bits of wide ports have a number."""
        nets = [net for output in ("Q", "P") for net in cell.outputs.get(output, ()) if net in self.names]
        wide = f"[{index}]" if len(cell.inputs[port]) > 1 else ""
        return f"{self.names[nets[0]] if nets else _name_of_cell(cell)}.{port}{wide}"

    def resources(self) -> Dict[str, int]:
        count = Counter(cell.type for cell in self.cells)
        return {
            "lut": sum(cost * count[name] for name, cost in LUT_COST.items()),
            "ff": sum(count[name] for name in FLIP_FLOPS),
            "ramb18": sum(cost * count[name] for name, cost in RAMB18.items()),
            "dsp48e1": count["DSP48E1"],
        }

    def deepest_path(self) -> Tuple[int, List[str]]:
        """(levels, cells from source to sink). A level is a LUT, a MUXF or a whole carry chain between
        sequential cells.
        """
        depth: Dict[str, Tuple[int, List[str]]] = {}

        def arrival(cell: Cell) -> Tuple[int, List[str]]:
            """Levels up to and including ``cell``; iterative, as netlists are deeper than Python's stack."""
            stack = [cell]
            while stack:
                current = stack[-1]
                if current.name in depth:
                    stack.pop()
                    continue
                drivers = self._combinational_drivers(current)
                missing = [driver for driver, _ in drivers if driver.name not in depth]
                if missing:
                    stack += missing
                    continue
                best = (0, [])
                for driver, port in drivers:
                    levels, path = depth[driver.name]
                    # The next CARRY4 of the same chain adds no level.
                    chained = current.type == "CARRY4" and driver.type == "CARRY4" and port == "CI"
                    if levels - chained > best[0]:
                        best = (levels - chained, path)
                depth[current.name] = (best[0] + 1, best[1] + [f"{current.type} {current.name}"])
                stack.pop()
            return depth[cell.name]

        worst = (0, [])
        for cell in self.cells:
            if cell.type in _COMBINATIONAL:
                continue
            for driver, port in self._combinational_drivers(cell):
                levels, path = arrival(driver)
                if levels > worst[0]:
                    worst = (levels, path + [f"{cell.type} {cell.name}.{port}"])
        return worst

    def _combinational_drivers(self, cell: Cell) -> List[Tuple[Cell, str]]:
        found = []
        for port, bits in cell.inputs.items():
            if cell.type in LUT_RAMS and not port.startswith(("ADDR", "A", "DPRA")):
                continue  # written on the clock edge
            for bit in bits:
                driver = self.driver.get(bit)
                if driver is not None and driver.type in _COMBINATIONAL:
                    found.append((driver, port))
        return found

    def undriven_inputs(self, cell_type: str, widths: Dict[str, int]) -> List[str]:
        """Of every cell of that type: the bits of the inputs named in ``widths`` that nothing drives."""
        found = []
        for cell in self.cells:
            for port, width in widths.items() if cell.type == cell_type else ():
                bits = cell.inputs.get(port, [])
                found += [
                    f"{cell.name}.{port}[{i}]"
                    for i in range(width)
                    if i >= len(bits) or bits[i] not in ("0", "1") and bits[i] not in self.driver
                ]
        return found

    def unknown_cells(self) -> List[str]:
        """Types that no figure here counts."""
        return sorted({cell.type for cell in self.cells} - _KNOWN)

    def unregistered_multipliers(self) -> List[str]:
        """DSP48E1 that multiply and do not use all of the registers A, B, M and P."""
        return [
            f"{cell.name}: {register} = 0"
            for cell in self.cells
            if cell.type == "DSP48E1" and cell.parameters.get("USE_MULT") != "NONE"
            for register in ("AREG", "BREG", "MREG", "PREG")
            if int(cell.parameters[register], 2) == 0
        ]


def _name_of_cell(cell: Cell) -> str:
    """The name of an instance or memory; the type too of a cell that Yosys named."""
    return f"{cell.type} {cell.name}" if "$" in cell.name else cell.name
