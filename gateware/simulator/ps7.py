"""The Verilog module PS7 that the simulation puts in the primitive's place."""

from __future__ import annotations

from gateware.shell.ps7_ports import Port, ps7_ports


def _wire(port: Port) -> str:
    """The wire of simulated_board.v that a pin of PS7 is joined to; '' for a pin without a model."""
    if port.name == "FCLKCLK":
        return "{3'd0, simulated_board.clk}"
    if port.name == "FCLKRESETN":
        return "{3'd0, simulated_board.fclk_resetn}"
    if port.name.endswith("ARESETN"):
        return "simulated_board.fclk_resetn"
    if port.name.endswith(("QOS", "CAP1EN", "COUNT")):
        return ""
    if port.name.startswith("MAXIGP0"):
        wire = f"gp_{port.name[7:].lower()}"
        return f"simulated_board.{wire}{'_now' if port.direction == 'output' else ''}"
    if port.name.startswith("SAXIHP"):
        wire = f"hp_{port.name[7:].lower()}"
        return f"simulated_board.{wire}{'_now' if port.direction == 'output' else ''}[{port.name[6]}]"
    return ""


def ps7_verilog() -> str:
    """Module PS7 as Verilog: FCLK, GP0 and HP0 .. HP3 lead to wires of simulated_board.v, without logic."""
    declarations, body = [], []
    for port in ps7_ports():
        span = f"[{port.width - 1}:0] " if port.width > 1 else ""
        declarations.append(f"    {port.direction} {span}{port.name}")
        wire = _wire(port)
        if port.direction == "output":
            body.append(f"    assign {port.name} = {wire or f'{port.width}' + chr(39) + 'd0'};")
        elif wire:
            body.append(f"    assign {wire} = {port.name};")
    return (
        "// Written by gateware/simulator/ps7.py.\n/* verilator lint_off UNUSEDSIGNAL */\nmodule PS7(\n"
        + ",\n".join(declarations)
        + "\n);\n"
        + "\n".join(body)
        + "\nendmodule\n"
    )
