"""docs/registers.md (in the history) and build/csr.json (not), both from the register table.

python -m gateware.reports.register_docs            writes both
python -m gateware.reports.register_docs --check    fails if docs/registers.md is stale
"""

from __future__ import annotations

import argparse
import sys

from gateware import ROOT
from gateware.designs import ENGINES
from gateware.toolchain.csr_json import csr_json
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, ERROR_TEXTS, REGISTERS, WINDOW_BYTES

MARKDOWN = ROOT / "docs" / "registers.md"
CSR_JSON = ROOT / "build" / "csr.json"


def markdown() -> str:
    """The text of docs/registers.md."""
    lines = [
        "# Registers",
        "",
        "Written by `python -m gateware.reports.register_docs` from `driver/lst_overlay/registers.py`: change the table, not this file.",
        "How to use them: [programmers_guide.md](programmers_guide.md).",
        "",
        f"Base address 0x{BASE_ADDRESS:08X} on M_AXI_GP0, {WINDOW_BYTES} bytes, ABI version {ABI_VERSION}. Words of 32 bits, "
        "little-endian; bits not named read 0. Every address answers at any time, without waiting for the engine.",
        "",
        "| offset | name | access | bits | description |",
        "|---|---|---|---|---|",
    ]
    for register in REGISTERS:
        lines.append(
            f"| 0x{register.offset:02X} | {register.name} | {register.access} | {register.width} | {register.description} |"
        )
        for field in register.fields:
            high = field.offset + field.width - 1
            bits = str(field.offset) if field.width == 1 else f"{high}:{field.offset}"
            lines.append(f"| | {register.name}.{field.name} | | {bits} | {field.description} |")
    lines += ["", "## CAPABILITIES.ENGINE", "", "| number | engine | idea |", "|---|---|---|"]
    lines += [f"| {spec.number} | {spec.name} | {spec.idea} |" for spec in ENGINES.values()]
    lines += ["", "## ERROR_CODE", "", "| code | name | meaning |", "|---|---|---|"]
    lines += [f"| {int(code)} | {code.name} | {text} |" for code, text in ERROR_TEXTS.items()]
    return "\n".join(lines) + "\n"


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gateware.reports.register_docs", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if docs/registers.md is stale"
    )
    if parser.parse_args(arguments).check:
        if not MARKDOWN.is_file() or MARKDOWN.read_text(encoding="utf-8") != markdown():
            print("docs/registers.md is stale: run python -m gateware.reports.register_docs", file=sys.stderr)
            return 1
        return 0
    for path, text in ((MARKDOWN, markdown()), (CSR_JSON, csr_json())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
