"""Builds what the simulated board "downloads": .bit, .hwh and the library that simulates the emitted Verilog."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Optional

from gateware.hwh import write_hwh
from gateware.register_table import Engine
from gateware.simulator.build import build_library
from gateware.top import pixel_serial_design
from lst_overlay.bitstream_files import SIMULATED, STEM
from lst_overlay.simulator import write_bit

DIRECTORY = Path(__file__).resolve().parents[1] / "bitstreams" / SIMULATED


def build_simulated_bitstream(directory: Path = DIRECTORY, libraries: Optional[Path] = None) -> Path:
    """Writes <directory>/<stem>.bit, .hwh, .v and library. Returns the .bit.

    ``libraries``: where built libraries are kept, by default ``directory``; a design that is there already is not built again.
    """
    directory.mkdir(parents=True, exist_ok=True)
    design = pixel_serial_design()
    verilog = directory / f"{STEM}.v"
    verilog.write_text(design.verilog)
    built = build_library(verilog, libraries or directory)
    library = directory / built.name
    if library != built:
        shutil.copyfile(built, library)
    for other in directory.glob(f"lib{STEM}-*.so"):
        if other != library:
            other.unlink()
    bit = directory / f"{STEM}.bit"
    write_bit(bit, library, design.build_hash)
    write_hwh(bit.with_suffix(".hwh"), design.build_hash, Engine.PIXEL_SERIAL, bitstream=bit)
    return bit
