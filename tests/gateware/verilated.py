"""Emitted Verilog and a little C++ around it as a shared library, built once per content."""

import ctypes
from pathlib import Path

from gateware.kept import content_hash, make_once
from gateware.simulator import build
from tests import BUILT


def verilated(top, verilog, cpp, *options):
    """The library, loaded. ``cpp`` includes V<top>.h; ``options`` go to Verilator."""
    tools = build.find_tools()
    own = Path(build.__file__).read_text()
    library = BUILT / f"lib{top}-{content_hash(verilog, cpp, *options, own, tools.identity)}.so"

    def make(work):
        (work / f"{top}.v").write_text(verilog)
        build.verilate(top, [*build.with_cells(work), *options, f"{top}.v"], work, tools)
        build.compile_library(top, work, tools, work / library.name, bench=cpp, level=build.SHORT_RUNS)

    return ctypes.CDLL(str(make_once(library, make)))
