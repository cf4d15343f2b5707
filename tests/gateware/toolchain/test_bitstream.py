"""`make bitstream`: what it delivers, and that a bad run delivers nothing. Vivado is missing, or a stub."""

import hashlib

import pytest

import gateware.toolchain.bitstream
from gateware.designs import TOP, make_design
from gateware.device import BOARDS
from gateware.toolchain.bitstream import RESULT, SCRIPT, VivadoError, build, constraints
from gateware.toolchain.manifest import ManifestError, read_manifest
from lst_overlay.hardware.bitstream_files import check_bitfile, network_of, read_parameters
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests.gateware.toolchain.vivado_stub import listed_sources, write_stub

PIXEL_SERIAL = make_design("pixel_serial")
SOURCES = {f"{TOP}.v", f"{TOP}.xdc", f"{TOP}.hwh", SCRIPT}


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A function (board, design, stubs that do otherwise) -> the delivered .bit."""
    monkeypatch.setattr(gateware.toolchain.bitstream, "BITSTREAMS", tmp_path / "bitstreams")

    def run(board="zybo_z7_10", design=PIXEL_SERIAL, **changed):
        return build(board, design, write_stub(tmp_path, **changed), tmp_path / "work")

    return run


def test_without_vivado_the_sources_are_there_and_one_line_says_so(tmp_path):
    with pytest.raises(
        VivadoError, match="Vivado is missing: no program 'no-such-vivado'.*vivado.tcl"
    ) as error:
        build("zybo_z7_10", PIXEL_SERIAL, "no-such-vivado", tmp_path)
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == SOURCES


def test_every_source_that_the_script_lists_is_written(tmp_path):
    gateware.toolchain.bitstream.write_sources(PIXEL_SERIAL, tmp_path)
    assert set(listed_sources(tmp_path / SCRIPT)) == {path.name for path in tmp_path.glob("*.v")}


def test_the_clock_constraint_names_the_cell_in_the_verilog(tmp_path):
    gateware.toolchain.bitstream.write_sources(PIXEL_SERIAL, tmp_path)
    verilog = (tmp_path / f"{TOP}.v").read_text()
    assert (
        "PS7 ps7(" in verilog and verilog.count(") reset_first (") == verilog.count(") reset_second (") == 1
    )
    assert "-period 5.000 [get_pins {ps7/FCLKCLK[0]}]" in constraints(PIXEL_SERIAL)


def test_both_registers_of_the_reset_are_named_to_vivado():
    first, second = (line for line in constraints(PIXEL_SERIAL).splitlines() if "reset_first" in line)
    assert first == "set_false_path -to [get_pins {reset_first/PRE reset_second/PRE}]"
    assert second == "set_property ASYNC_REG TRUE [get_cells {reset_first reset_second}]"


def test_a_good_run_delivers_bit_and_hwh_that_belong_together(built):
    bit = built()
    assert bit.name == "pixel_serial-loadable.bit"
    check_bitfile(bit, read_parameters(bit.with_suffix(".hwh")))


def test_the_manifest_says_what_was_built_from_what(built):
    bit = built()
    entry = read_manifest(bit.parent)["pixel_serial-loadable"]
    assert (entry["board"], entry["part"], entry["engine"], entry["network"]) == (
        "zybo_z7_10",
        "xc7z010clg400-1",
        "pixel_serial",
        None,
    )
    assert (
        entry["vivado"] == "2023.2"
        and {"commit", "migen", "litex", "build_hash"} <= set(entry)
        and entry["fclk_mhz"] == 200
    )
    assert entry["sha256"] == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (bit, bit.with_suffix(".hwh"))
    }


def test_the_manifest_says_how_it_came_out(built):
    entry = read_manifest(built().parent)["pixel_serial-loadable"]
    assert (entry["setup_slack_ns"], entry["hold_slack_ns"]) == (0.123, 0.045)
    assert entry["cells"] == {"lut": 3, "ff": 4, "ramb18": 1, "ramb36": 2, "dsp48e1": 5}


@pytest.mark.parametrize(
    "board, percent",
    [
        ("zybo_z7_10", {"lut": 1.0, "ff": 0.5, "ramb18": 50.0, "dsp48e1": 75.0}),
        ("pynq_z2", {"lut": 0.3, "ff": 0.2, "ramb18": 21.4, "dsp48e1": 27.3}),
    ],
)
def test_utilisation_is_also_a_share_of_the_part(built, board, percent):
    cells = (
        "set n [lindex $args end]; return [lrepeat [expr {[string match *LUT* $n] ? 176 : "
        "[string match *FD* $n] ? 176 : "
        "[string match *DSP* $n] ? 60 : 20}] x]"
    )
    assert (
        read_manifest(built(board, get_cells=cells).parent)["pixel_serial-loadable"]["percent_of_part"]
        == percent
    )


def test_both_hwh_of_a_build_name_the_part_of_the_board(built, tmp_path):
    delivered = built("pynq_z2").with_suffix(".hwh")
    for path in (delivered, tmp_path / "work" / f"{TOP}.hwh"):
        assert 'DEVICE="7z020" NAME="lst_overlay" PACKAGE="clg400" SPEEDGRADE="-1"' in path.read_text()


@pytest.mark.parametrize("board", BOARDS)
def test_the_capacity_of_a_boards_part_is_declared(board):
    assert BOARDS[board].capacity["dsp48e1"] >= 80


def test_a_network_that_is_built_in_is_delivered_and_hashed_as_well(built):
    network = load_network(find("lst1_w4a4p2"))
    design = make_design("row_parallel", network)
    bit = built(design=design)
    assert load_network(network_of(bit)).name == "lst1_w4a4p2"
    assert set(read_manifest(bit.parent)[design.stem]["sha256"]) == {
        f"{design.stem}{suffix}" for suffix in (".bit", ".hwh", ".npz")
    }


def test_another_version_is_named_at_once_and_goes_on(built, capfd):
    assert built(version="return 2024.1").is_file()
    assert (
        "bitstream: WARNING: vivado.tcl is written for Vivado 2023.2, this is 2024.1\n"
        in capfd.readouterr().err
    )


def test_the_version_that_is_expected_warns_of_nothing(built, capfd):
    built()
    assert "WARNING" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"get_property": 'expr {[lindex $args 1] eq "-setup" ? -0.01 : 0.05}'},
            "status 1: vivado.tcl: timing is not met .setup slack -0.01 ns, hold slack 0.05 ns.: "
            "see timing.rpt",
        ),
        (
            {"get_property": 'expr {[lindex $args 1] eq "-hold" ? -0.02 : 0.05}'},
            "timing is not met .setup slack 0.05 ns, hold slack -0.02 ns.",
        ),
        (
            {"check_timing": 'return "There are 3 register/latch pins with no clock."'},
            "vivado.tcl: registers without a clock: see clocks.rpt",
        ),
        ({"get_timing_paths": ""}, "vivado.tcl: no -setup path is constrained: the clock is missing"),
        ({"place_design": "error {no room}"}, "status 1: no room"),
        (
            {"place_design": 'puts "ERROR: \\[Place 30\\] too many cells"; error failed'},
            r"status 1: ERROR: \[Place 30\] too many cells$",
        ),
        ({"write_bitstream": ""}, f"Vivado ended well but left no .*{TOP}.bit"),
        (
            {"route_design": f"close [open {TOP}.bit w]; exit 0"},
            f"Vivado ended well but .*{RESULT} does not say what it found",
        ),
        ({"get_property": "return"}, "timing is not met"),
    ],
)
def test_a_bad_run_is_one_message_and_delivers_nothing(built, tmp_path, changed, message):
    with pytest.raises(VivadoError, match=message) as error:
        built(**changed)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "bitstreams").exists()


def test_the_results_of_an_earlier_run_are_not_delivered(built, tmp_path):
    built().unlink()
    with pytest.raises(VivadoError, match="left no"):
        built(route_design="exit 0")
    assert not list((tmp_path / "bitstreams").rglob("*.bit"))


def test_a_manifest_that_cannot_be_added_to_is_told_before_vivado_starts(built, tmp_path):
    bit = built()
    (bit.parent / "manifest.json").write_text('{"pixel_ser')
    (tmp_path / "work" / "commands.txt").unlink()
    with pytest.raises(ManifestError, match="manifest.json is damaged"):
        built()
    assert bit.is_file() and not (tmp_path / "work" / "commands.txt").exists()


def test_a_manifest_damaged_meanwhile_costs_no_bitstream(built, tmp_path):
    directory = tmp_path / "bitstreams" / "zybo_z7_10"
    with pytest.raises(ManifestError, match="manifest.json is damaged"):
        built(opt_design=f"file mkdir {directory}; close [open {directory / 'manifest.json'} w]")
    check_bitfile(
        directory / "pixel_serial-loadable.bit", read_parameters(directory / "pixel_serial-loadable.hwh")
    )
