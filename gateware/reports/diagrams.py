"""The block diagrams in docs/images: what is connected to what is read from the modules themselves.

A block is a submodule. A wire leads to another block if that one reads what this one drives, perhaps through
statements of the module around both. Labels tell the fields of a stream and their widths in bits.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set, Tuple

from litex.soc.interconnect.stream import Endpoint
from migen import Memory, Module, Signal
from migen.fhdl.structure import _Operator
from migen.fhdl.tools import list_inputs, list_special_ios, list_targets
from migen.fhdl.visit import NodeVisitor

from gateware import ROOT
from gateware.designs import ENGINES, network_to_build_in
from gateware.shell.top import Top
from pages.diagram import Block, Wire, block_diagram

DIRECTORY = ROOT / "docs" / "images"
Stream = List[Tuple[str, Signal]]  # fields and their signals


def diagrams() -> Iterator[Tuple[str, str]]:
    """Yield (file name, SVG): the design with the loadable engine of LST networks, then drawn pipelines."""
    loadable = next(name for name, spec in ENGINES.items() if spec.loadable and spec.family == "lst")
    yield "system.svg", system(Top(ENGINES[loadable].make(None), build_hash=0))
    for name in drawn_engines():
        yield f"{name}.svg", pipeline(ENGINES[name].make(network_to_build_in(name)).core.pipeline)


def drawn_engines() -> List[str]:
    """Return the engines with a built-in LST network, each once: one may be declared with several layouts.

    Their pipelines are chains of streams. A loadable engine is a program on shared memories, and a ResMLP
    network has memories of whole images between its stages, of which streams show little.
    """
    built_in = (spec for spec in ENGINES.values() if not spec.loadable and spec.family == "lst")
    return list({spec.number: spec.name for spec in built_in}.values())


def write_diagrams(directory: Path = DIRECTORY) -> List[Path]:
    """Write every diagram. Returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, svg in diagrams():
        paths.append(directory / name)
        paths[-1].write_text(svg, encoding="utf-8")
    return paths


def pipeline(module: Module) -> str:
    """Return the diagram of a pipeline from its sink to its source."""
    own, parts = _finalized(module)
    streams = {"sink": _fields(module.sink), **{name: _fields(part) for name, part in parts.items()}}
    carried = _carried(streams, parts, _through(own))
    last = next(name for name, part in parts.items() if getattr(part, "source", None) is module.source)
    carried[last, "source"] = streams[last]
    order = _from_first_to_last("sink", carried)
    blocks = [Block(name, _facts(parts[name]) if name in parts else ()) for name in order]
    return block_diagram(blocks, [Wire(*ends, _label(fields)) for ends, fields in carried.items()])


def system(top: Top) -> str:
    """Return the diagram of the whole design: from the processing system through the engine and back."""
    own, parts = _finalized(top)
    through = _through(own)
    data = {name: part for name, part in parts.items() if name not in ("ps", "slave", "sequencer")}
    wires = [Wire("ps", "slave", ("M_AXI_GP0",)), Wire("slave", "sequencer", ("registers",))]
    for number, port in zip(top.engine.capabilities.layout.hp_ports, top.ps.hp):
        for name, part in data.items():
            if port.r.data in _reads(part):
                wires.append(Wire("ps", name, (f"S_AXI_HP{number}, read",)))
            if port.w.data in _drives(part):
                wires.append(Wire(name, "ps", (f"S_AXI_HP{number}, write",)))
    streams = {name: _fields(part) for name, part in data.items()}
    wires += [Wire(*ends, _label(fields)) for ends, fields in _carried(streams, data, through).items()]
    control = set().union(*(_reached(signal, through) for signal in _drives(parts["sequencer"])))
    wires += [Wire("sequencer", name) for name, part in data.items() if control & _reads(part)]
    order = _from_first_to_last("ps", [(wire.source, wire.sink) for wire in wires])
    return block_diagram([Block(name, (type(parts[name]).__name__,)) for name in order], wires)


def _carried(streams: Dict[str, Stream], parts: Dict[str, Module], through) -> Dict[Tuple[str, str], Stream]:
    """(source, sink) -> the fields of the source's stream that the sink reads."""
    carried = {}
    for name, stream in streams.items():
        reached = [(field, signal, _reached(signal, through)) for field, signal in stream]
        for end, part in parts.items():
            fields = [(field, signal) for field, signal, seen in reached if seen & _reads(part)]
            if fields and name != end:
                carried[name, end] = fields
    return carried


def _finalized(module: Module) -> Tuple[list, Dict[str, Module]]:
    """Return the statements of the module itself and its submodules by name; both are then finalized."""
    own = [*module._fragment.comb, *module._fragment.sync.values()]
    parts = dict(module._submodules)
    module.get_fragment()
    return own, parts


def _fields(owner) -> Stream:
    """The payload of an endpoint, or of a module's source; none if it has no such."""
    endpoint = owner if isinstance(owner, Endpoint) else getattr(owner, "source", None)
    if not isinstance(endpoint, Endpoint):
        return []
    return [(field, getattr(endpoint, field)) for field, *_ in endpoint.description.payload_layout]


def _label(fields: Stream) -> Tuple[str, ...]:
    widths = [len(signal) for _, signal in fields]
    if len(fields) > 3 and len(set(widths)) == 1:
        return (f"{len(fields)} x {widths[0]} bits",)
    return tuple(f"{field}: {_counted(width, 'bit')}" for (field, _), width in zip(fields, widths))


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing if number == 1 else thing + 's'}"


def _facts(part: Module) -> Tuple[str, ...]:
    """Lines about a finalized module: its class, and the multipliers and memories in it."""
    fragment = part._fragment
    counter = _Multiplications()
    counter.visit((fragment.comb, list(fragment.sync.values())))
    memories = [special for special in fragment.specials if isinstance(special, Memory)]
    lines = [type(part).__name__]
    if counter.count:
        lines.append(_counted(counter.count, "multiplier"))
    if memories:
        kbit = sum(memory.width * memory.depth for memory in memories) / 1024
        lines.append(f"{_counted(len(memories), 'RAM')}, {kbit:.3g} kbit")
    return tuple(lines)


class _Multiplications(NodeVisitor):
    """Counts products in statements."""

    def __init__(self):
        self.count = 0

    def visit_Operator(self, node: _Operator):  # noqa: N802, the name is the library's
        self.count += node.op == "*"
        for operand in node.operands:
            self.visit(operand)


def _reads(part: Module) -> Set[Signal]:
    """The signals that a finalized module reads."""
    fragment = part._fragment
    statements = (fragment.comb, list(fragment.sync.values()))
    return list_inputs(statements) | list_special_ios(fragment, True, False, True)


def _drives(part: Module) -> Set[Signal]:
    """The signals that a finalized module drives."""
    fragment = part._fragment
    statements = (fragment.comb, list(fragment.sync.values()))
    return list_targets(statements) | list_special_ios(fragment, False, True, True)


def _through(statements: Iterable) -> Dict[Signal, Set[Signal]]:
    """Signal -> those that the statements make of it."""
    made = defaultdict(set)
    for statement in statements:
        for one in statement if isinstance(statement, list) else [statement]:
            for read in list_inputs(one):
                made[read] |= list_targets(one)
    return made


def _reached(signal: Signal, through: Dict[Signal, Set[Signal]]) -> Set[Signal]:
    reached, waiting = {signal}, [signal]
    while waiting:
        new = through.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def _from_first_to_last(first: str, wires: Iterable[Tuple[str, str]]) -> List[str]:
    """The blocks in the order of the data: a depth-first search, the last block to be left comes first."""
    order: List[str] = []
    seen = set()

    def visit(name: str) -> None:
        seen.add(name)
        for source, sink in reversed(list(wires)):
            if source == name and sink not in seen:
                visit(sink)
        order.insert(0, name)

    visit(first)
    return order
