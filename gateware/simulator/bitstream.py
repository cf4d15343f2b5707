"""Builds what the simulated board "downloads": .bit, .hwh and the library that simulates the Verilog."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Optional

from gateware import ROOT
from gateware.designs import make_design
from gateware.simulator.block_ram import simulated_netlist
from gateware.simulator.build import build_library
from lst_overlay.hardware.bitstream_files import SIMULATED, network_of
from lst_overlay.network import Network, save_network
from lst_overlay.simulator import write_bit

DIRECTORY = ROOT / "bitstreams" / SIMULATED


def build_simulated_bitstream(
    engine: str = "pixel_serial",
    network: Optional[Network] = None,
    directory: Path = DIRECTORY,
    libraries: Optional[Path] = None,
    netlist: Optional[str] = None,
) -> Path:
    """Write <directory>/<stem>.bit, .hwh, .v, the library and a built-in network's file. Returns the .bit.

    libraries: where built libraries are kept, by default ``directory``. No design is built twice.
    netlist:   the text of Yosys's netlist of the design, which is simulated in the place of its Verilog.
    """
    directory.mkdir(parents=True, exist_ok=True)
    design = make_design(engine, network)
    verilog = directory / f"{design.stem}.v"
    verilog.write_text(design.verilog if netlist is None else simulated_netlist(netlist))
    built = build_library(verilog, libraries or directory, mapped=netlist is not None)
    library = directory / built.name
    if library != built:
        shutil.copyfile(built, library)
    for other in directory.glob(f"lib{design.stem}-*.so"):
        if other != library:
            other.unlink()
    bit = directory / f"{design.stem}.bit"
    write_bit(bit, library, design.build_hash)
    design.write_hwh(bit.with_suffix(".hwh"), bitstream=bit)
    if network is not None:
        save_network(network, network_of(bit))
    return bit
