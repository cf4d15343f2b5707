"""docs/registers.md (committed) and build/csr.json (not), both from the register table.

python -m gateware.reports.register_docs            writes both
python -m gateware.reports.register_docs --check    fails if docs/registers.md is stale
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateware import ROOT
from gateware.designs import ENGINES
from gateware.toolchain.csr_json import csr_json, register_table
from pages.page import render

MARKDOWN = ROOT / "docs" / "registers.md"
CSR_JSON = ROOT / "build" / "csr.json"
_TEMPLATE = Path(__file__).parent / "templates" / "registers.md.j2"


def markdown() -> str:
    """Return the text of docs/registers.md."""
    csr, rows = register_table(), []
    for register in csr["registers"]:
        rows.append({**register, "offset": f"0x{register['offset']:02X}", "bits": str(register["width"])})
        for field in register["fields"]:
            low, high = field["offset"], field["offset"] + field["width"] - 1
            name, bits = f"{register['name']}.{field['name']}", str(low) if low == high else f"{high}:{low}"
            rows.append({**field, "offset": "", "access": "", "name": name, "bits": bits})
    engines = [{"number": spec.number, "name": spec.name, "idea": spec.idea} for spec in ENGINES.values()]
    errors = [{"name": name, **error} for name, error in csr["error_codes"].items()]
    return render(_TEMPLATE, {**csr, "rows": rows, "errors": errors, "engines": engines})


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
