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
    text = _with_contents(result.main_source, result.data_files)
    # The converter hides from synthesis, by comments, what wakes constant processes in simulation. Yosys warns of such comments; Yosys
    # and Vivado both set the macro.
    text = text.replace("// synthesis translate_off\n", "`ifndef SYNTHESIS\n").replace(
        "// synthesis translate_on\n", "`endif\n"
    )
    # The converter stamps its header with the time; the text must depend on the design alone.
    return re.sub(r"^/\* Machine-generated.*\*/\n", "", text)


def _with_contents(text: str, data_files: dict) -> str:
    """Initial contents of memories as assignments in the text itself, instead of files beside it; they are kept in block RAM."""
    for file, content in data_files.items():
        read = re.search(rf'\$readmemh\("{re.escape(file)}", (\w+)\);\n', text)
        words = "".join(
            f"{read[1]}[{index}] = {4 * len(word)}'h{word};\n" for index, word in enumerate(content.split())
        )
        text = text.replace(read[0], words)
        text = re.sub(
            rf"^(reg \[[^]]*\] {read[1]}\[)", r'(* rom_style = "block" *) \1', text, flags=re.MULTILINE
        )
    return text


def forget_names() -> None:
    """Called before a module is built: its text is then always the same. Migen numbers equal names over all that the process has built."""
    tracer.name_to_idx.clear()
    tracer.classname_to_objs.clear()
