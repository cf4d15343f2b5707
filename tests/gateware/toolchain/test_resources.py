"""What is read from a mapped design: costs and findings, in files of their own."""

import json

import pytest

from gateware.toolchain import resources
from gateware.toolchain.netlist import Cell, Netlist
from gateware.toolchain.resources import Synthesis, content_of, measure, measure_design, synthesize
from gateware.toolchain.yosys import SynthesisError


def test_each_scope_is_synthesised_from_its_own_text_and_written_to_a_file(tmp_path, monkeypatch):
    synthesised = {}

    def one_flip_flop(verilog, top, work_dir):
        synthesised[top] = verilog
        return Synthesis(Netlist([Cell("a", "FDRE", {}, {"D": ["0"]}, {"Q": [2]})]), ["Warning: one"], "c")

    monkeypatch.setattr(resources, "synthesize", one_flip_flop)
    measured = measure_design("pixel_serial", None, tmp_path)
    assert [(item.design, item.scope, item.ff) for item in measured] == [
        ("pixel_serial", "engine", 1),
        ("pixel_serial", "top", 1),
    ]
    assert all(item.findings[0] == "Warning: one" for item in measured)
    assert "PS7 ps7(" in synthesised["lst1_top"] and "PS7" not in synthesised["engine"]
    assert all(f"module {top}" in text for top, text in synthesised.items())
    for item in measured:
        assert json.loads((tmp_path / f"pixel_serial-{item.scope}.json").read_text()) == vars(item)


def test_the_same_text_is_mapped_once(tmp_path, monkeypatch):
    mapped = []

    def write_netlist(directory, sources, top):
        mapped.append((directory / sources[0]).read_text())
        (directory / f"{top}.json").write_text('{"modules": {"t": {"cells": {}}}}')
        return [f"Warning: {len(mapped)}"]

    monkeypatch.setattr(resources, "run_yosys", write_netlist)
    for text in ("module t; endmodule", "module t; endmodule", "module t; wire a; endmodule"):
        netlist, warnings, content = synthesize(text, "t", tmp_path)
        assert netlist.cells == [] and warnings == [f"Warning: {len(mapped)}"] and content == content_of(text)
    assert len(mapped) == 2 and "wire a" in mapped[1]


def test_an_open_input_of_the_ps_and_a_bare_multiplier_are_found(tmp_path):
    verilog = """module lst1_top;
        wire [3:0] clk; wire [31:0] y, a, b;
        PS7 ps7(.FCLKCLK(clk), .MAXIGP0ACLK(clk[0]), .MAXIGP0RDATA(y), .MAXIGP0ARADDR(a), .MAXIGP0AWADDR(b));
        assign y = $signed(a[12:0]) * $signed(b[12:0]);
    endmodule"""
    found = measure("test", "top", synthesize(verilog, "lst1_top", tmp_path), period_ns=5).findings
    assert any(finding == "undriven: ps7.SAXIHP0WDATA[63]" for finding in found)
    assert not any("MAXIGP0RDATA" in finding or "MAXIGP0ACLK" in finding for finding in found)
    assert any(finding.endswith("MREG = 0") for finding in found)


def luts_between_registers(count):
    """A register, LUTs with a wire of 0.6 ns before each, a register."""
    cells = [Cell("a", "FDRE", {}, {"D": ["0"]}, {"Q": [2]})]
    cells += [Cell(f"l{i}", "LUT1", {}, {"I0": [2 + i]}, {"O": [3 + i]}) for i in range(count)]
    cells.append(Cell("b", "FDRE", {}, {"D": [2 + count]}, {"Q": [90]}))
    return Synthesis(Netlist(cells, {2: "start", 90: "end"}), [], "c")


@pytest.mark.parametrize(
    "period, luts, scope, found",
    [
        (5, 5, "top", False),  # 4.14 ns
        (5, 6, "top", True),  # 4.86 ns
        (7, 6, "top", False),
        (7, 8, "top", False),  # 6.31 ns
        (7, 9, "top", True),  # 7.03 ns
        (5, 9, "engine", False),
    ],
)
def test_a_path_over_the_clocks_budget_is_found(period, luts, scope, found):
    measured = measure("test", scope, luts_between_registers(luts), period, {"end": "room"})
    assert bool(measured.findings) == found
    if found:
        assert len(measured.findings) == 1
        assert f"of a clock of {period} ns, it takes {measured.slowest_ns:.2f} ns" in measured.findings[0]
        assert f"start > {luts} LUT > room/end.D" in measured.findings[0]


def test_figures_of_delays_and_slices():
    measured = measure("test", "top", luts_between_registers(5), 5, {"end": "room"})
    assert (measured.slowest_ns, measured.budget_ns, measured.logic_levels) == (4.14, 4.6, 5)
    assert measured.slices == 1 and measured.paths[0].startswith("4.14 ns")
    assert measured.rooms["room"]["lut"] == 5


def test_verilog_that_yosys_refuses_is_one_error(tmp_path):
    with pytest.raises(SynthesisError, match="Yosys refused lst1_top"):
        synthesize("module lst1_top; nonsense", "lst1_top", tmp_path)
