"""Verilog from Migen modules: the one way out of Python, for simulator, Yosys and Vivado alike.

Migen's own converter writes it. LiteX's writer (2024.12) emits signed constants as unsigned, so that
`acc < -128` compares wrongly; tests/gateware/test_verilog.py would see such an emitter.
"""
from __future__ import annotations

import re

from migen.fhdl import tracer, verilog


def emit(module, name: str, ios=()) -> str:
    """Verilog text of ``module`` as a module called ``name``; self-contained, the same for the same design."""
    result = verilog.convert(module, ios=set(ios), name=name, create_clock_domains=bool(ios))
    text = str(result)
    if result.data_files:
        raise ValueError(f"{name}: memories with initial contents need files beside the Verilog: {sorted(result.data_files)}")
    # The converter stamps its header with the time; the text must depend on the design alone.
    return re.sub(r"^/\* Machine-generated.*\*/\n", "", text)


def forget_names() -> None:
    """Called before a module is built: its text is then always the same. Migen numbers equal names over all that the process has built."""
    tracer.name_to_idx.clear()
    tracer.classname_to_objs.clear()
