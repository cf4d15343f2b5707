"""csr.json: the register table for programs, packed into the board's wheel."""

from __future__ import annotations

import json
from typing import Any, Dict

from gateware.designs import ENGINES
from lst_overlay.registers import (
    ABI_VERSION,
    BASE_ADDRESS,
    ERROR_TEXTS,
    MAGIC,
    REGISTERS,
    WINDOW_BYTES,
    ErrorCode,
    ResultMode,
)


def csr_json() -> str:
    """Return the register table for programs: addresses in bytes, fields with bit offset and width."""
    return json.dumps(register_table(), indent=2) + "\n"


def register_table() -> Dict[str, Any]:
    """Return the register map: registers with their fields, engines, result modes and error codes."""
    return {
        "magic": MAGIC,
        "abi_version": ABI_VERSION,
        "base_address": BASE_ADDRESS,
        "window_bytes": WINDOW_BYTES,
        "registers": [
            {
                "name": r.name,
                "address": BASE_ADDRESS + r.offset,
                "offset": r.offset,
                "access": r.access,
                "width": r.width,
                "description": r.description,
                "fields": [
                    {"name": f.name, "offset": f.offset, "width": f.width, "description": f.description}
                    for f in r.fields
                ],
            }
            for r in REGISTERS
        ],
        "engines": {spec.name: spec.number for spec in ENGINES.values()},
        "result_modes": {m.name: int(m) for m in ResultMode},
        "error_codes": {c.name: {"code": int(c), "text": ERROR_TEXTS[c]} for c in ErrorCode},
    }
