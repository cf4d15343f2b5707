"""Yosys's netlists of small modules, mapped once per content, on Yosys's own models of the cells."""

import shutil

from gateware.kept import make_once
from gateware.simulator.block_ram import simulated_netlist
from gateware.toolchain.resources import content_of
from gateware.toolchain.yosys import run_yosys
from tests import BUILT
from tests.gateware.verilated import verilated

# Vendor models are not ours to clean, nor are netlists.
_OPTIONS = ("-Wno-lint", "-Wno-style", "-Wno-UNOPTFLAT")


def netlist_of(verilog, top):
    """The text of the netlist of module ``top``."""

    def make(work):
        (work / f"{top}.v").write_text(verilog)
        assert run_yosys(work, [f"{top}.v"], top) == []
        shutil.move(work / f"{top}.netlist.v", work / kept.name)

    kept = BUILT / f"netlist-{content_of(verilog)}.v"
    return make_once(kept, make).read_text()


def netlist_library(netlist, top, cpp):
    """The library of a netlist and a little C++ that includes V<top>.h."""
    return verilated(top, simulated_netlist(netlist), cpp, *_OPTIONS)
