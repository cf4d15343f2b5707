"""A program in Vivado's place: tclsh runs the real script on stubs of Vivado's commands, and records them."""

import re
import shutil
import stat

import pytest

STUBS = {
    "version": "return 2023.2",
    "check_timing": 'return "There are 0 register/latch pins with no clock."',
    "get_timing_paths": "return [lindex $args end]",  # -setup or -hold
    "get_property": 'expr {[lindex $args 1] eq "-setup" ? 0.123 : 0.045}',
    # Those whose kind the filter's pattern matches.
    "get_cells": "regexp {=~ (\\S+)} [lindex $args end] all pattern; "
    "return [lsearch -all -inline -glob {LUT2 LUT6 LUT6 FDRE FDRE FDPE FDCE RAMB18E1 RAMB36E1 RAMB36E1 "
    "DSP48E1 DSP48E1 DSP48E1 DSP48E1 DSP48E1 CARRY4 PS7 BUFG} $pattern]",
    "current_fileset": "return sources_1",
    "write_bitstream": "close [open [lindex $args end] w]",
    **dict.fromkeys(
        (
            "create_project",
            "add_files",
            "set_property",
            "close_project",
            "read_verilog",
            "read_xdc",
            "synth_design",
            "opt_design",
            "place_design",
            "phys_opt_design",
            "route_design",
            "report_timing_summary",
            "report_utilization",
            "report_drc",
        ),
        "",
    ),
}
RECORD = "commands.txt"


def write_stub(directory, **changed):
    """The program's name. changed: the Tcl body of a command that is to do otherwise."""
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not on this machine")
    stubs = directory / "stubs.tcl"
    stubs.write_text(
        f"proc record {{words}} {{ set file [open {RECORD} a]; puts $file $words; close $file }}\n"
        + "".join(
            f"proc {name} {{args}} {{ record [concat {name} $args]; {body} }}\n"
            for name, body in {**STUBS, **changed}.items()
        )
    )
    program = directory / "vivado-stub"
    # As Vivado: -source SCRIPT -tclargs ARGUMENTS.
    program.write_text(
        "#!/bin/sh\nwhile [ $1 != -source ]; do shift; done\n"
        f"printf 'source {stubs}\\nsource %s\\n' $2 > run.tcl\nexec tclsh run.tcl $4\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def recorded(work_dir):
    """[[command, argument, ...], ...] in order."""
    return [line.split() for line in (work_dir / RECORD).read_text().splitlines()]


def listed_sources(script):
    """The Verilog files that the script lists."""
    return re.search(r"^set sources \{(.+)\}$", script.read_text(), re.MULTILINE)[1].split()
