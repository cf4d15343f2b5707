"""An estimate of the slowest paths between the registers of a mapped netlist, for speed grade -1.

Delays of cells are those of the slow corner. Nothing is placed, so the delay of a wire follows from the
number of its loads. A path ends at any pin that the clock samples; asynchronous resets are left out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from gateware.toolchain.netlist import FLIP_FLOPS, LUT_RAMS, LUTS, SHIFT_REGISTERS, Cell, Netlist

# All times in ns. From a clock edge to an output:
CLOCK_TO_Q = 0.456
CLOCK_TO_SHIFT_REGISTER = 1.6
CLOCK_TO_LUT_RAM = 1.32
CLOCK_TO_BLOCK_RAM, CLOCK_TO_BLOCK_RAM_REGISTER = 2.454, 0.882
CLOCK_TO_P, CLOCK_TO_PS7 = 0.434, 1.3
# Through a cell:
LUT, MUXF7, MUXF8 = 0.124, 0.24, 0.1
INTO_CHAIN, ALONG_CHAIN, OUT_OF_CHAIN = 0.5, 0.114, 0.33
# From an input to the clock edge:
SETUP = {"D": 0.06, "CE": 0.205, "R": 0.429, "S": 0.429}
LUT_RAM_SETUP = 0.5
BLOCK_RAM_SETUP = {"D": 0.737, "A": 0.566, "W": 0.532, "E": 0.443, "R": 0.36}  # by the pin's first letter
DSP_SETUP = {"A": 0.36, "B": 0.45, "C": 0.168, "OPMODE": 0.3}  # with a register behind the pin
DSP_UNREGISTERED = {"C": 1.7, "OPMODE": 2.21, "PCIN": 1.4}
DSP_OTHER = 0.45
PS7_SETUP = 1.0
# A wire by its number of loads, the most first; inside a slice there is none.
WIRES = ((150, 1.6), (20, 1.0), (0, 0.6))

BUDGET_SHARE = (
    0.92  # of the clock's period; the rest is for jitter, skew and wires that are longer than assumed
)
_CLOCKS = {"CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK"}  # and C of a flip-flop, which is data of a DSP48E1
_ASYNCHRONOUS = {"PRE", "CLR"}
_MUXES = {"MUXF7": MUXF7, "MUXF8": MUXF8}


def budget_of(period_ns: float) -> float:
    """Return what a path may take in a clock of ``period_ns``: 4.6 ns of 5, 6.4 ns of 7."""
    return math.floor(10 * BUDGET_SHARE * period_ns + 1e-9) / 10


@dataclass(frozen=True)
class Path:
    """A path from register to register; ``start`` and ``end`` are names of the design's Verilog.

    through: the cells on the way, and names of signals between them.
    """

    total: float
    logic: float
    start: str
    end: str
    through: str

    def with_rooms(self, rooms: Dict[str, str]) -> Path:
        """Put the submodule before the names that ``rooms``, of `emit_with_rooms`, has."""

        def named(name: str) -> str:
            room = rooms.get(re.split(r"[.\[]", name)[0])
            return f"{room}/{name}" if room else name

        return replace(self, start=named(self.start), end=named(self.end))

    def __str__(self) -> str:
        wire = self.total - self.logic
        return (
            f"{self.total:.2f} ns ({self.logic:.2f} logic, {wire:.2f} wires): "
            f"{self.start} > {self.through} > {self.end}"
        )


class _Arrival(NamedTuple):
    total: float
    logic: float
    before: Optional[int]  # the net before the driving cell; None if that is sequential


def worst_paths(netlist: Netlist, count: int) -> List[Path]:
    """Return the slowest ``count`` paths, slowest first.

    Of the paths from one signal to another there is one, and of those that end on one wire.
    """
    times = _Times(netlist)
    ends = sorted(times.ends(), key=lambda end: -end[0])
    paths: List[Path] = []
    seen = set()
    for total, logic, net, cell, port, index in ends:
        path = times.path(total, logic, net, cell, port, index)
        start = _signal(path.start)
        if not {(start, _signal(path.end)), (start, net)} & seen:
            paths.append(path)
        seen |= {(start, _signal(path.end)), (start, net)}
        if len(paths) == count:
            break
    return paths


def _signal(name: str) -> str:
    """The name without its bit."""
    return re.sub(r"\[\d+\]", "", name)


class _Times:
    def __init__(self, netlist: Netlist):
        self.netlist = netlist
        self.source = {
            net: (cell, port, index)
            for cell in netlist.cells
            for port, nets in cell.outputs.items()
            for index, net in enumerate(nets)
            if isinstance(net, int)
        }
        self.loads: Dict[int, int] = {}
        for cell in netlist.cells:
            routed = {
                net
                for port, nets in cell.inputs.items()
                if not _is_clock(cell, port)
                for net in nets
                if not self._inside_slice(net, cell, port)
            }
            for net in routed:
                self.loads[net] = self.loads.get(net, 0) + 1
        self.arrivals: Dict[int, _Arrival] = {}

    def ends(self) -> Iterator[Tuple[float, float, int, Cell, str, int]]:
        """Yield (ns, ns of logic, last net, cell, port, bit) for every pin that is sampled by the clock."""
        for cell in self.netlist.cells:
            for port, nets in cell.inputs.items():
                setup = _setup(cell, port)
                for index, net in enumerate(nets) if setup is not None else ():
                    if net in self.source:
                        arrival = self._arrival(net)
                        if arrival is not None:
                            wire = self._wire(net, cell, port)
                            yield arrival.total + wire + setup, arrival.logic + setup, net, cell, port, index

    def _arrival(self, net: int) -> Optional[_Arrival]:
        """When a net has its value after the clock edge; None for clocks. Iterative: chains are deep."""
        stack = [net]
        while stack:
            current = stack[-1]
            if current in self.arrivals:
                stack.pop()
                continue
            cell, port, index = self.source[current]
            arcs = [arc for arc in _arcs(cell, port, index) if arc[0] in self.source]
            missing = [before for before, _, _ in arcs if before not in self.arrivals]
            if missing:
                stack += missing
                continue
            launch = _launch(cell, port)
            found = [] if launch is None else [_Arrival(launch, launch, None)]
            for before, pin, delay in arcs:
                arrival = self.arrivals[before]
                if arrival is not None:
                    wire = self._wire(before, cell, pin)
                    found.append(_Arrival(arrival.total + wire + delay, arrival.logic + delay, before))
            self.arrivals[current] = max(found, default=None)
            stack.pop()
        return self.arrivals[net]

    def _inside_slice(self, net: int, cell: Cell, port: str) -> bool:
        """Whether the net reaches this pin by a wire of the slice, or of a column of DSP48E1."""
        driver = self.source.get(net)
        if driver is None:
            return False
        kind = driver[0].type
        if cell.type == "CARRY4":
            return port == "CI" or port == "S" and kind in LUTS
        if cell.type in FLIP_FLOPS:
            return port == "D" and kind not in FLIP_FLOPS and kind in _COMBINATIONAL_IN_SLICE
        if cell.type in _MUXES:
            return port != "S"
        return port in ("PCIN", "ACIN", "BCIN")

    def _wire(self, net: int, cell: Cell, port: str) -> float:
        if self._inside_slice(net, cell, port):
            return 0.0
        return next(delay for loads, delay in WIRES if self.loads[net] >= loads)

    def path(self, total: float, logic: float, net: int, cell: Cell, port: str, index: int) -> Path:
        nets = [net]
        while self.arrivals[nets[0]].before is not None:
            nets.insert(0, self.arrivals[nets[0]].before)
        cells = [self.source[number][0].type for number in nets[1:]]
        luts, carries = len([kind for kind in cells if kind != "CARRY4"]), cells.count("CARRY4")
        through = [f"{number} {kind}" for number, kind in ((luts, "LUT"), (carries, "CARRY4")) if number]
        via = [_signal(self.netlist.names[number]) for number in nets[1:] if number in self.netlist.names]
        loads = max(self.loads.get(number, 0) for number in nets)
        described = ", ".join(through) or "no logic"
        if via:
            described += " via " + ", ".join(dict.fromkeys(via))
        if loads >= WIRES[-2][0]:
            described += f", a wire of {loads} loads"
        return Path(
            total,
            logic,
            self.netlist.name_of_output(nets[0]),
            self.netlist.name_of_input(cell, port, index),
            described,
        )


_COMBINATIONAL_IN_SLICE = LUTS | {"CARRY4"} | set(_MUXES) | LUT_RAMS | SHIFT_REGISTERS


def _is_clock(cell: Cell, port: str) -> bool:
    return port in _CLOCKS or port == "C" and cell.type in FLIP_FLOPS


def _launch(cell: Cell, port: str) -> Optional[float]:
    """From the clock edge to an output; None if the cell is combinational or the output is a clock."""
    if cell.type in FLIP_FLOPS:
        return CLOCK_TO_Q
    if cell.type in SHIFT_REGISTERS:
        return CLOCK_TO_SHIFT_REGISTER
    if cell.type in LUT_RAMS:
        return CLOCK_TO_LUT_RAM
    if cell.type in ("RAMB18E1", "RAMB36E1"):
        # The read port of a simple dual-port RAM is A, on the output pins of both.
        of_a = port in ("DOADO", "DOPADOP") or cell.parameters["RAM_MODE"] == "SDP"
        registered = int(cell.parameters["DOA_REG" if of_a else "DOB_REG"], 2)
        return CLOCK_TO_BLOCK_RAM_REGISTER if registered else CLOCK_TO_BLOCK_RAM
    if cell.type == "DSP48E1":
        return CLOCK_TO_P
    if cell.type == "PS7":
        return None if port.startswith("FCLK") else CLOCK_TO_PS7
    return None


def _setup(cell: Cell, port: str) -> Optional[float]:
    """From an input to the clock edge; None for inputs that no clock samples."""
    if _is_clock(cell, port) or port in _ASYNCHRONOUS:
        return None
    if cell.type in FLIP_FLOPS:
        return SETUP[port]
    if cell.type in SHIFT_REGISTERS:
        return None if re.fullmatch(r"A\d?", port) else LUT_RAM_SETUP
    if cell.type in LUT_RAMS:
        written = port.startswith(("DI", "WE")) or port == "D" or re.fullmatch(r"ADDRD|A\d?", port)
        return LUT_RAM_SETUP if written else None
    if cell.type in ("RAMB18E1", "RAMB36E1"):
        return BLOCK_RAM_SETUP[port[0]]
    if cell.type == "DSP48E1":
        if port in DSP_UNREGISTERED and not int(cell.parameters.get(f"{port}REG", "0"), 2):
            return DSP_UNREGISTERED[port]
        return DSP_SETUP.get(port, DSP_OTHER)
    if cell.type == "PS7":
        return None if port.endswith("ACLK") else PS7_SETUP
    return None


def _arcs(cell: Cell, port: str, index: int) -> Iterator[Tuple[int, str, float]]:
    """Yield (net, input, ns) for every bit of an input that an output follows without a clock."""
    if cell.type == "CARRY4":
        for pin, nets in cell.inputs.items():
            if pin == "CI":
                yield nets[0], pin, OUT_OF_CHAIN if port == "O" else ALONG_CHAIN
            else:
                # Bit 2 of the sum depends on bits 0 .. 2 of S, and on the carry of bits 0 and 1.
                below = index if pin == "DI" and port == "O" else index + 1
                for net in nets if pin == "CYINIT" else nets[:below]:
                    yield net, pin, INTO_CHAIN
    elif cell.type in LUTS or cell.type in _MUXES:
        for pin, nets in cell.inputs.items():
            yield nets[0], pin, _MUXES.get(cell.type, LUT)
    elif cell.type in LUT_RAMS or cell.type in SHIFT_REGISTERS:
        for pin, nets in cell.inputs.items():
            if re.fullmatch(_address_of(port), pin):
                for net in nets:
                    yield net, pin, LUT


def _address_of(port: str) -> str:
    """A pattern for the address inputs of an output of LUT RAM or shift register."""
    if port.startswith("DO"):
        return f"ADDR{port[2]}"
    return r"DPRA\d?" if port == "DPO" else r"A\d?"
