"""The diagrams in the tree show the gateware as it is."""

import re

import pytest
from litex.gen import LiteXModule
from litex.soc.interconnect.stream import Endpoint
from migen import Memory, Signal

from gateware.designs import ENGINES
from gateware.reports.diagrams import DIRECTORY, diagrams, pipeline


@pytest.fixture(scope="module")
def drawn():
    return dict(diagrams())


def test_the_diagrams_in_the_tree_are_those_of_the_modules(drawn):
    for name, svg in drawn.items():
        assert (DIRECTORY / name).read_text() == svg, f"{name} is stale: python -m gateware render"


def test_every_engine_with_a_built_in_lst_network_is_drawn_once(drawn):
    numbers = [ENGINES[name[: -len(".svg")]].number for name in drawn if name != "system.svg"]
    built_in = (spec for spec in ENGINES.values() if not spec.loadable and spec.family == "lst")
    assert sorted(numbers) == sorted({spec.number for spec in built_in})


def test_every_submodule_of_the_design_is_drawn(drawn):
    names = re.findall(r'font-weight="bold">(\w+)<', drawn["system.svg"])
    assert names == ["ps", "slave", "sequencer", "reader0", "engine", "packer", "writer"]


class Stage(LiteXModule):
    """Doubles a code, or multiplies two."""

    def __init__(self, width):
        self.sink, self.source = Endpoint([("x", width)]), Endpoint([("y", 2 * width), ("flag", 1)])
        memory = Memory(16, 64)
        port = memory.get_port()
        self.specials += memory, port
        self.comb += port.adr.eq(self.sink.x)
        self.sync += self.source.y.eq(self.sink.x * port.dat_r)


class TwoStages(LiteXModule):
    """A register lies between both stages, and nothing reads the flag of the first."""

    def __init__(self):
        self.sink = Endpoint([("x", 4)])
        self.second, self.first = Stage(8), Stage(4)
        self.source = self.second.source
        between = Signal(8)
        self.comb += self.first.sink.x.eq(self.sink.x), self.second.sink.x.eq(between)
        self.sync += between.eq(self.first.source.y)


def test_a_wire_is_what_a_stage_reads_of_another_through_registers_between_them():
    svg = pipeline(TwoStages())
    assert re.findall(r'font-weight="bold">(\w+)<', svg) == ["sink", "first", "second", "source"]
    assert re.findall(r">(\w+: \d+ bits?)<", svg) == ["x: 4 bits", "y: 8 bits", "flag: 1 bit", "y: 16 bits"]


def test_a_block_tells_its_class_its_multipliers_and_its_memories():
    svg = pipeline(TwoStages())
    assert svg.count(">Stage<") == svg.count(">1 multiplier<") == svg.count(">1 RAM, 1 kbit<") == 2
