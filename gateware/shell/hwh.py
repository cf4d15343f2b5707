"""Write the hardware handoff file (.hwh), which pynq reads beside a bitstream, from the register table.

Vivado writes a .hwh for block designs only, and this project has none. The file contains only
what at least one pynq from 3.0.1 to 4.0.0 reads.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional, Tuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from gateware.device import BOARDS, DEFAULT_BOARD
from lst_overlay.hardware.bitstream_files import VLNV
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.registers import (
    ABI_VERSION,
    BASE_ADDRESS,
    ERROR_TEXTS,
    REGISTERS,
    WINDOW_BYTES,
    Register,
)

INSTANCE = "accelerator"  # The attribute of a pynq overlay: overlay.accelerator.
AXIMM = "xilinx.com:interface:aximm:1.0"
IO_PLL_MHZ = 1000
DEFAULT_DIVISORS = (5, 1)  # FCLK0 = 1000 MHz / (5 * 1) = 200 MHz
MAX_DIVISOR = 63  # Each divisor has six bits in FPGA0_CLK_CTRL.


def write_hwh(
    path,
    engine: str,
    build_hash: int,
    capabilities: Capabilities,
    divisors: Tuple[int, int] = DEFAULT_DIVISORS,
    bitstream: Optional[Path] = None,
    board: str = DEFAULT_BOARD,
    family: str = "lst",
    cycles_per_image: Optional[int] = None,
    network: Optional[str] = None,
) -> None:
    """Write a .hwh to ``path``. The driver compares the accelerator's PARAMETERs with the registers.

    engine:     the name in the engine's declaration.
    build_hash: the value of register BUILD_HASH.
    divisors:   FCLK0 runs at 1000 MHz / (d0 * d1).
    bitstream:  the .bit. The .hwh then contains its SHA-256, so that the driver refuses another or a damaged
                .bit before the download.
    board:      the name of the board in gateware.device, whose part the .hwh names.
    family:     the family of the networks that the engine takes.
    cycles_per_image: the engine's interval, by which the driver knows how long a batch may take. None leaves
                it out, as the first .hwh files do.
    network:    the name of the shipped network that a loadable engine gets if none is named, "" for none.
                None leaves it out, as the first .hwh files do.

    Raises ValueError for a hash or divisor that does not fit its register.
    """
    if not 0 <= build_hash < 1 << 32:
        raise ValueError(f"build_hash must fit 32 bits, not {build_hash:#x}")
    for divisor in divisors:
        if not 1 <= divisor <= MAX_DIVISOR:
            raise ValueError(f"each FCLK0 divisor must be 1..{MAX_DIVISOR}, not {divisor}")
    root = Element("EDKSYSTEM", EDWVERSION="1.2", VIVADOVERSION="none: written by lst-overlay")
    chip = BOARDS[board]
    SubElement(
        root,
        "SYSTEMINFO",
        ARCH="zynq",
        DEVICE=chip.die[len("xc") :],
        NAME="lst_overlay",
        PACKAGE=chip.package,
        SPEEDGRADE=chip.speed_grade,
    )
    SubElement(root, "EXTERNALPORTS")
    modules = SubElement(root, "MODULES")
    _processing_system(
        SubElement(
            modules,
            "MODULE",
            FULLNAME="/ps7",
            HWVERSION="5.5",
            INSTANCE="ps7",
            IPTYPE="PERIPHERAL",
            IS_PL="FALSE",
            MODCLASS="PERIPHERAL",
            MODTYPE="processing_system7",
            VLNV="xilinx.com:ip:processing_system7:5.5",
        ),
        divisors,
    )
    parameters = {
        "ABI_VERSION": str(ABI_VERSION),
        "BUILD_HASH": f"0x{build_hash:08X}",
        "ENGINE": engine,
        "FAMILY": family,
        **{
            f"{register}.{field}": str(value)
            for register, fields in capabilities.fields().items()
            for field, value in fields.items()
        },
        "DIVISOR0": str(divisors[0]),
        "DIVISOR1": str(divisors[1]),
        **{f"ERROR_TEXT_{int(code)}": text for code, text in ERROR_TEXTS.items()},
    }
    if cycles_per_image is not None:
        parameters["CYCLES_PER_IMAGE"] = str(cycles_per_image)
    if network is not None:
        parameters["NETWORK"] = network
    if bitstream is not None:
        parameters["BITSTREAM_SHA256"] = hashlib.sha256(Path(bitstream).read_bytes()).hexdigest()
    _accelerator(
        SubElement(
            modules,
            "MODULE",
            FULLNAME=f"/{INSTANCE}",
            HWVERSION="1.0",
            INSTANCE=INSTANCE,
            IPTYPE="PERIPHERAL",
            IS_PL="TRUE",
            MODCLASS="PERIPHERAL",
            MODTYPE="accelerator",
            VLNV=VLNV,
        ),
        parameters,
    )
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    Path(path).write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8")


def _processing_system(module: Element, divisors: Tuple[int, int]) -> None:
    """Add the PS: FCLK0 with its divisors, three disabled clocks, and the address of the accelerator."""
    parameters = {}
    for clock in range(4):
        used = clock == 0
        parameters[f"PCW_FPGA_FCLK{clock}_ENABLE"] = str(int(used))
        parameters[f"PCW_FCLK{clock}_PERIPHERAL_CLKSRC"] = "IO PLL"
        for index, divisor in enumerate(divisors):
            parameters[f"PCW_FCLK{clock}_PERIPHERAL_DIVISOR{index}"] = str(divisor if used else 1)
    parameters["PCW_FPGA0_PERIPHERAL_FREQMHZ"] = f"{IO_PLL_MHZ / (divisors[0] * divisors[1]):.6f}"
    _parameters(module, parameters)
    interfaces = SubElement(module, "BUSINTERFACES")
    SubElement(interfaces, "BUSINTERFACE", NAME="M_AXI_GP0", TYPE="MASTER", VLNV=AXIMM)
    SubElement(
        SubElement(module, "MEMORYMAP"),
        "MEMRANGE",
        ADDRESSBLOCK="registers",
        BASENAME="C_BASEADDR",
        BASEVALUE=f"0x{BASE_ADDRESS:08X}",
        HIGHNAME="C_HIGHADDR",
        HIGHVALUE=f"0x{BASE_ADDRESS + WINDOW_BYTES - 1:08X}",
        INSTANCE=INSTANCE,
        IS_DATA="TRUE",
        IS_INSTRUCTION="FALSE",
        MASTERBUSINTERFACE="M_AXI_GP0",
        MEMTYPE="REGISTER",
        SLAVEBUSINTERFACE="S_AXI",
    )


def _accelerator(module: Element, parameters: dict) -> None:
    """Add the accelerator: its registers and its parameters."""
    blocks = SubElement(module, "ADDRESSBLOCKS")
    block = SubElement(
        blocks,
        "ADDRESSBLOCK",
        ACCESS="",
        INTERFACE="S_AXI",
        NAME="registers",
        RANGE=str(WINDOW_BYTES),
        USAGE="register",
    )
    registers = SubElement(block, "REGISTERS")
    for register in REGISTERS:
        _register(SubElement(registers, "REGISTER", NAME=register.name), register)
    _parameters(module, parameters)
    interfaces = SubElement(module, "BUSINTERFACES")
    SubElement(interfaces, "BUSINTERFACE", NAME="S_AXI", TYPE="SLAVE", VLNV=AXIMM)


def _register(element: Element, register: Register) -> None:
    # SIZE is the width of the bus, not of the register: pynq maps registers of 32 or 64 bits only.
    _properties(
        element,
        DESCRIPTION=register.description,
        ADDRESS_OFFSET=f"0x{register.offset:X}",
        SIZE="32",
        ACCESS=register.access,
        IS_ENABLED="true",
    )
    fields = SubElement(element, "FIELDS")
    for field in register.fields:
        _properties(
            SubElement(fields, "FIELD", NAME=field.name),
            DESCRIPTION=field.description,
            BIT_OFFSET=str(field.offset),
            BIT_WIDTH=str(field.width),
            ACCESS=register.access,
        )


def _properties(element: Element, **properties: str) -> None:
    for name, value in properties.items():
        SubElement(element, "PROPERTY", NAME=name, VALUE=value)


def _parameters(module: Element, parameters: dict) -> None:
    element = SubElement(module, "PARAMETERS")
    for name, value in parameters.items():
        SubElement(element, "PARAMETER", NAME=name, VALUE=value)
