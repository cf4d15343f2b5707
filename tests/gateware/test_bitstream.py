"""`make bitstream` with a Vivado that is not there, and with one whose commands are stubs run by tclsh."""
import hashlib
import json
import shutil
import stat

import pytest

import gateware.bitstream
from gateware.bitstream import SCRIPT, VivadoError, build, constraints
from gateware.designs import TOP, make_design
from gateware.resources import synthesize
from lst_overlay.bitstream_files import check_bitfile, read_parameters

PIXEL_SERIAL = make_design("pixel_serial")
STUBS = """
proc version {args} { return 2023.2 }
foreach name {create_project read_verilog read_xdc synth_design opt_design place_design phys_opt_design route_design
              report_timing_summary report_utilization report_drc} { proc $name {args} {} }
proc check_timing {args} { return "There are UNCLOCKED register/latch pins with no clock." }
proc get_timing_paths {args} { return path }
proc get_property {args} { return SLACK }
proc get_cells {args} { return {a b} }
proc write_bitstream {args} { close [open [lindex $args end] w] }
"""


@pytest.fixture
def vivado(tmp_path, monkeypatch):
    """A function (slack, unclocked registers) -> the name of a program that runs the real script on stubs."""
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not on this machine")
    monkeypatch.setattr(gateware.bitstream, "BITSTREAMS", tmp_path / "bitstreams")

    def make(slack="0.123", unclocked="0", keeps_bit=True):
        stubs = tmp_path / "stubs.tcl"
        text = STUBS.replace("SLACK", slack).replace("UNCLOCKED", unclocked)
        stubs.write_text(text if keeps_bit else text.replace("close [open [lindex $args end] w]", ""))
        program = tmp_path / "vivado-stub"
        # As Vivado: -source SCRIPT -tclargs ARGUMENTS.
        program.write_text("#!/bin/sh\nwhile [ $1 != -source ]; do shift; done\n"
                           f"printf 'source {stubs}\\nsource %s\\n' $2 > run.tcl\nexec tclsh run.tcl $4\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    return make


def test_without_vivado_the_sources_are_there_and_one_line_says_so(tmp_path):
    with pytest.raises(VivadoError, match="Vivado is missing: no program 'no-such-vivado'.*vivado.tcl") as error:
        build("zybo_z7_10", PIXEL_SERIAL, "no-such-vivado", tmp_path)
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {f"{TOP}.v", f"{TOP}.xdc", f"{TOP}.hwh", SCRIPT}


def test_the_clock_constraint_names_the_cell_in_the_verilog(tmp_path):
    gateware.bitstream.write_sources(PIXEL_SERIAL, tmp_path)
    verilog = (tmp_path / f"{TOP}.v").read_text()
    assert "PS7 ps7(" in verilog and verilog.count(") reset_first (") == verilog.count(") reset_second (") == 1
    assert "-period 5.000 [get_pins {ps7/FCLKCLK[0]}]" in constraints(PIXEL_SERIAL)


def test_a_good_run_delivers_bit_hwh_and_manifest(vivado, tmp_path):
    bit = build("zybo_z7_10", PIXEL_SERIAL, vivado(), tmp_path / "work")
    manifest = json.loads((bit.parent / "manifest.json").read_text())
    assert manifest["setup_slack_ns"] == 0.123 and manifest["vivado"] == "2023.2" and manifest["part"] == "xc7z010clg400-1"
    assert manifest["sha256"][bit.name] == hashlib.sha256(bit.read_bytes()).hexdigest()
    check_bitfile(bit, read_parameters(bit.with_suffix(".hwh")))


@pytest.mark.parametrize("fault, message", [
    ({"slack": "-0.010"}, "timing is not met"),
    ({"unclocked": "3"}, "registers without a clock"),
    ({"keeps_bit": False}, "left no"),
])
def test_a_bad_run_delivers_nothing(vivado, tmp_path, fault, message):
    with pytest.raises(VivadoError, match=message):
        build("zybo_z7_10", PIXEL_SERIAL, vivado(**fault), tmp_path / "work")
    assert not (tmp_path / "bitstreams").exists()


@pytest.mark.slow
def test_yosys_maps_the_file_that_the_script_lists_within_the_limits(tmp_path):
    from gateware.resources import DEVICE, measure
    gateware.bitstream.write_sources(PIXEL_SERIAL, tmp_path)
    assert f"read_verilog {TOP}.v\n" in (tmp_path / SCRIPT).read_text()
    top = measure("pixel_serial", "top", synthesize((tmp_path / f"{TOP}.v").read_text(), TOP, tmp_path / "synthesis"))
    assert top.findings == [], top.deepest_path
    assert top.dsp48e1 == 66 and top.ramb18 <= 30 and top.logic_levels <= 4
    assert top.lut < DEVICE["lut"] // 4 and top.ff < DEVICE["ff"] // 4
