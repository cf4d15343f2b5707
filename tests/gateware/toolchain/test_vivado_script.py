"""vivado.tcl itself, run by tclsh: which commands it gives, in which order, and on which files."""

import subprocess

import pytest

from gateware.designs import TOP, make_design
from gateware.toolchain.bitstream import SCRIPT, write_sources
from tests.gateware.toolchain.vivado_stub import listed_sources, recorded, write_stub

PART = "xc7z010clg400-1"


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("vivado")
    write_sources(make_design("pixel_serial"), directory)
    done = subprocess.run(
        [write_stub(directory), "-mode", "batch", "-source", SCRIPT, "-tclargs", PART], cwd=directory
    )
    assert done.returncode == 0
    return directory


@pytest.fixture(scope="module")
def commands(work_dir):
    return recorded(work_dir)


def of(commands, name):
    return [arguments for command, *arguments in commands if command == name]


def test_what_is_built_is_what_the_script_lists(commands, work_dir):
    assert of(commands, "read_verilog") == [listed_sources(work_dir / SCRIPT)]
    assert of(commands, "read_xdc") == [[f"{TOP}.xdc"]]
    assert of(commands, "synth_design") == [["-top", TOP, "-part", PART]]


def test_the_project_has_the_same_files(commands, work_dir):
    assert of(commands, "create_project")[0] == ["-force", TOP, "project", "-part", PART]
    assert of(commands, "add_files") == [
        listed_sources(work_dir / SCRIPT),
        ["-fileset", "constrs_1", f"{TOP}.xdc"],
    ]


def test_steps_come_in_order_and_the_bitstream_last(commands):
    names = [command for command, *_ in commands]
    steps = [
        "read_verilog",
        "synth_design",
        "place_design",
        "route_design",
        "report_timing_summary",
        "report_utilization",
        "check_timing",
        "get_timing_paths",
        "write_bitstream",
    ]
    assert sorted(steps, key=names.index) == steps and names[-1] == "write_bitstream"


def test_setup_and_hold_are_both_asked_for(commands):
    assert [arguments[-1] for arguments in of(commands, "get_timing_paths")] == ["-setup", "-hold"]


def test_reports_of_timing_utilisation_and_clocks_are_files(commands, work_dir):
    assert of(commands, "report_timing_summary") == [["-file", "timing.rpt"]]
    assert of(commands, "report_utilization") == [["-file", "utilization.rpt"]]
    assert "0 register/latch pins with no clock" in (work_dir / "clocks.rpt").read_text()


def test_without_a_part_it_says_how_to_give_one(work_dir, tmp_path):
    (tmp_path / SCRIPT).write_text((work_dir / SCRIPT).read_text())
    done = subprocess.run(
        [write_stub(tmp_path), "-source", SCRIPT], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, f"vivado.tcl: give the part, e.g. -tclargs {PART}\n")
