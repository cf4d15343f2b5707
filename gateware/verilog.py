"""Emit Verilog from Migen modules, the same for simulator, Yosys and Vivado.

Migen's converter is used. LiteX's (2024.12) emits signed constants as unsigned, so that `acc < -128` compares
wrongly; tests/gateware/test_verilog.py detects such a converter.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Set, Tuple

from migen.fhdl import tracer, verilog
from migen.fhdl.tools import list_targets


def emit(module, name: str, ios=()) -> str:
    """Return the Verilog text of a Migen module as the module ``name`` with the ports ``ios``.

    The text needs no other files and is the same whenever the design is.
    """
    return emit_with_rooms(module, name, ios)[0]


def emit_with_rooms(module, name: str, ios=()) -> Tuple[str, Dict[str, str]]:
    """Return the text that ``emit`` returns, and the room of each name in it.

    The one Verilog module is flat. A room is the Migen module that drives a signal or contains a memory or
    instance, as the path of attributes that leads to it: "engine.core.results".
    """
    result = verilog.convert(module, ios=set(ios), name=name, create_clock_domains=bool(ios))
    in_luts = {result.ns.get_name(item) for item in result.ns.sigs if getattr(item, "in_luts", False)}
    text = _with_contents(result.main_source, result.data_files, in_luts)
    # By comments, the converter hides statements from synthesis that start constant processes in simulation.
    # Yosys warns about such comments. Both Yosys and Vivado define the macro SYNTHESIS.
    text = text.replace("// synthesis translate_off\n", "`ifndef SYNTHESIS\n").replace(
        "// synthesis translate_on\n", "`endif\n"
    )
    # The converter writes the time into its header, but the text must depend on the design only.
    text = re.sub(r"^/\* Machine-generated.*\*/\n", "", text)
    rooms = _rooms(module)
    return text, {result.ns.get_name(item): rooms[item] for item in result.ns.sigs if item in rooms}


def _rooms(module, path: str = "") -> Dict[Any, str]:
    """Map each signal, memory and instance of a converted module to the submodule that has it."""
    fragment = module._fragment  # with the statements of all submodules, whose rooms are set below
    items = list_targets(fragment.comb).union(fragment.specials)
    items = items.union(*map(list_targets, fragment.sync.values()))
    items = items.union(*(special.list_ios(False, True, False) for special in fragment.specials))
    rooms = dict.fromkeys(items, path)
    for name, submodule in module._submodules:
        name = name or type(submodule).__name__.lower()
        rooms.update(_rooms(submodule, f"{path}.{name}".lstrip(".")))
    return rooms


def _with_contents(text: str, data_files: dict, in_luts: Set[str]) -> str:
    """Replace the files of initial memory contents by assignments in ``text``.

    The memories get the attribute that maps them to block RAM. Those that ``in_luts`` names get none, so they
    become LUTs if they are small. An attribute that Yosys and Vivado understand alike does not exist for it.
    """
    for file, content in data_files.items():
        read = re.search(rf'\$readmemh\("{re.escape(file)}", (\w+)\);\n', text)
        words = "".join(
            f"{read[1]}[{index}] = {4 * len(word)}'h{word};\n" for index, word in enumerate(content.split())
        )
        text = text.replace(read[0], words)
        if read[1] not in in_luts:
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
