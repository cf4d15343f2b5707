"""Netlists of a few cells, as Yosys writes them."""

import json

from gateware.toolchain.netlist import Netlist


def cell(type_, inputs=None, outputs=None, **parameters):
    """inputs, outputs: port -> net number, "x", or a list of them."""
    sides = (("input", inputs or {}), ("output", outputs or {}))
    return {
        "type": type_,
        "parameters": parameters,
        "port_directions": {port: side for side, ports in sides for port in ports},
        "connections": {
            port: bits if isinstance(bits, list) else [bits]
            for _, ports in sides
            for port, bits in ports.items()
        },
    }


def read_netlist(directory, cells, names=None):
    """names: signal -> nets, those that the Verilog has a name for."""
    signals = {name: {"hide_name": 0, "bits": nets} for name, nets in (names or {}).items()}
    signals["$hidden"] = {"hide_name": 1, "bits": list(range(2, 9000))}
    module = {"cells": cells, "netnames": signals}
    (directory / "netlist.json").write_text(json.dumps({"modules": {"top": module}}))
    return Netlist.read(directory / "netlist.json", "top")


def flip_flop(d, q):
    return cell("FDRE", {"D": d, "C": 1}, {"Q": q})


def lut(q, *inputs):
    return cell(f"LUT{len(inputs)}", {f"I{i}": bit for i, bit in enumerate(inputs)}, {"O": q})
