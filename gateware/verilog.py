"""Emit Verilog from Migen modules, the same for simulator, Yosys and Vivado.

Migen's converter is used. LiteX's (2024.12) emits signed constants as unsigned, so that `acc < -128` compares
wrongly; tests/gateware/test_verilog.py detects such a converter.
"""

from __future__ import annotations

import re

from migen.fhdl import tracer, verilog


def emit(module, name: str, ios=()) -> str:
    """Return the Verilog text of a Migen module as the module ``name`` with the ports ``ios``.

    The text needs no other files and is the same whenever the design is.
    """
    result = verilog.convert(module, ios=set(ios), name=name, create_clock_domains=bool(ios))
    text = _with_contents(result.main_source, result.data_files)
    # By comments, the converter hides statements from synthesis that start constant processes in simulation.
    # Yosys warns about such comments. Both Yosys and Vivado define the macro SYNTHESIS.
    text = text.replace("// synthesis translate_off\n", "`ifndef SYNTHESIS\n").replace(
        "// synthesis translate_on\n", "`endif\n"
    )
    # The converter writes the time into its header, but the text must depend on the design only.
    return re.sub(r"^/\* Machine-generated.*\*/\n", "", text)


def _with_contents(text: str, data_files: dict) -> str:
    """Replace the files of initial memory contents by assignments in ``text``.

    The memories get the attribute that maps them to block RAM.
    """
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
    """Reset the counters by which Migen numbers equal names in a process.

    Called before a module is built, this makes its Verilog independent of modules built earlier.
    """
    tracer.name_to_idx.clear()
    tracer.classname_to_objs.clear()
