"""Emitted Verilog and a little C++ around it as a shared library, built once per content."""

import ctypes
import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from gateware.simulator import build
from tests import BUILT


def verilated(top, verilog, cpp, *options):
    """The library, loaded. ``cpp`` includes V<top>.h; ``options`` go to Verilator."""
    tools = build.find_tools()
    parts = [verilog, cpp, *options, Path(build.__file__).read_text(), str(tools[0].stat().st_size)]
    library = BUILT / f"lib{top}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}.so"
    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / f".{top}.lock", "w") as lock:
        fcntl.flock(
            lock, fcntl.LOCK_EX
        )  # test processes that need the same library: one builds, the others wait
        if not library.exists():
            with tempfile.TemporaryDirectory(dir=BUILT) as work:
                work = Path(work)
                (work / f"{top}.v").write_text(verilog)
                (work / "bench.cpp").write_text(cpp)
                build.compile_library(top, [*options, f"{top}.v", "bench.cpp"], work, *tools)
                os.replace(work / "library.so", library)
    return ctypes.CDLL(str(library))
