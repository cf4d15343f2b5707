"""Makes Yosys's netlists fit for simulation: adds models of RAMB18E1 and RAMB36E1, which Yosys lacks."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).parent
_WIDTHS = ("READ_WIDTH_A", "READ_WIDTH_B", "WRITE_WIDTH_A", "WRITE_WIDTH_B")
_COMMON = (
    *_WIDTHS,
    *(f"{name}_{port}" for name in ("WRITE_MODE", "RSTREG_PRIORITY", "INIT", "SRVAL") for port in "AB"),
    "DOA_REG",
    "DOB_REG",
)
_DEFAULTS = {"WRITE_MODE": '"WRITE_FIRST"', "RSTREG_PRIORITY": '"RSTREG"'}
_CONTROLS = {
    "clk_a": "CLKARDCLK",
    "clk_b": "CLKBWRCLK",
    "en_a": "ENARDEN",
    "en_b": "ENBWREN",
    "regce_a": "REGCEAREGCE",
    "regce_b": "REGCEB",
    "rstram_a": "RSTRAMARSTRAM",
    "rstram_b": "RSTRAMB",
    "rstreg_a": "RSTREGARSTREG",
    "rstreg_b": "RSTREGB",
}


def simulated_netlist(netlist: str) -> str:
    """Return the text of a netlist with the models of block RAM.

    Verilator takes no parameter of partly unknown bits. Contents that the design does not initialise become
    ones; the bitstream makes them zeros, but no design may rely on either.
    """

    def known(found: re.Match) -> str:
        return found[1] + found[3].replace("x", "f" if found[2] == "h" else "1")

    return re.sub(r"(\.INITP?_\w+\(\d+'([hb]))([0-9a-fx]+)", known, netlist) + block_ram_verilog()


def block_ram_verilog() -> str:
    """Return the Verilog of RAMB18E1 and RAMB36E1. What they lack of the primitives' ports stops a build."""
    return (_HERE / "block_ram.v").read_text() + _primitive("RAMB18E1", 14) + _primitive("RAMB36E1", 15)


def _primitive(name: str, address: int) -> str:
    data = 1 << address
    half, words = data // 1024, range(data // 256)
    ranges = {
        "ADDRARDADDR": max(address, 14) + (address > 14),
        "ADDRBWRADDR": max(address, 14) + (address > 14),
        "WEA": half // 8,
        "WEBWE": half // 4,
        **{pin: half for pin in ("DIADI", "DIBDI")},
        **{pin: half // 8 for pin in ("DIPADIP", "DIPBDIP")},
    }
    outputs = {"DOADO": half, "DOBDO": half, "DOPADOP": half // 8, "DOPBDOP": half // 8}
    inits = [f"INIT_{index:02X}" for index in words]
    initps = [f"INITP_{index:02X}" for index in range(len(words) // 8)]
    parameters = [f"parameter [255:0] {init} = 256'd0" for init in inits + initps]
    parameters += ['parameter RAM_MODE = "TDP"', 'parameter SIM_DEVICE = "7SERIES"']
    if address > 14:
        parameters += [f'parameter RAM_EXTENSION_{port} = "NONE"' for port in "AB"]
    parameters += [f"parameter {key} = {_DEFAULTS.get(key[:-2], 0)}" for key in _COMMON]
    ports = [f"input {pin}" for pin in _CONTROLS.values()]
    ports += [f"input [{width - 1}:0] {pin}" for pin, width in ranges.items()]
    ports += [f"output [{width - 1}:0] {pin}" for pin, width in outputs.items()]
    wide_write = f'RAM_MODE == "SDP" && WRITE_WIDTH_B > {half * 9 // 8}'
    wide_read = f'RAM_MODE == "SDP" && READ_WIDTH_A > {half * 9 // 8}'
    passed = [f".{key}({key})" for key in _COMMON]
    passed += [f".CONTENTS({{{', '.join(inits[::-1])}}})", f".PARITY({{{', '.join(initps[::-1])}}})"]
    joined = [f".{pin}({net})" for pin, net in _CONTROLS.items()]
    joined += [
        f".address_a(ADDRARDADDR[{address - 1}:0])",
        f".address_b(ADDRBWRADDR[{address - 1}:0])",
        ".di_a(64'(DIADI))",
        f".di_b({wide_write} ? 64'({{DIBDI, DIADI}}) : 64'(DIBDI))",
        ".dip_a(8'(DIPADIP))",
        f".dip_b({wide_write} ? 8'({{DIPBDIP, DIPADIP}}) : 8'(DIPBDIP))",
        ".we_a(8'(WEA))",
        ".we_b(8'(WEBWE))",
        ".do_a(do_a), .do_b(do_b), .dop_a(dop_a), .dop_b(dop_b)",
    ]
    return f"""
module {name} #(
    {", ".join(parameters)}
)({", ".join(ports)});
    wire [63:0] do_a, do_b;
    wire [7:0] dop_a, dop_b;
    assign DOADO = do_a[{half - 1}:0], DOPADOP = dop_a[{half // 8 - 1}:0];
    assign DOBDO = {wide_read} ? do_a[{2 * half - 1}:{half}] : do_b[{half - 1}:0];
    assign DOPBDOP = {wide_read} ? dop_a[{half // 4 - 1}:{half // 8}] : dop_b[{half // 8 - 1}:0];
    block_ram #(
        .ADDRESS({address}), {", ".join(passed)}
    ) block_ram (
        {", ".join(joined)}
    );
endmodule
"""
