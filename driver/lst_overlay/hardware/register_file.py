"""Access to the accelerator's registers by name; offsets and fields come from the .hwh."""

from __future__ import annotations

from typing import Dict, Optional

from ..errors import BitstreamError

MAGIC_OFFSET = 0  # The same in every version of the register table.


class RegisterFile:
    """The registers of one accelerator.

    mmio:      the pynq.MMIO through which they are accessed.
    registers: the entry 'registers' of the accelerator in pynq's ip_dict.

    Every method raises BitstreamError for a register or field that the .hwh does not describe.
    """

    def __init__(self, mmio, registers: Dict[str, dict]):
        self._mmio = mmio
        self._registers = registers

    def magic(self) -> int:
        """Read the word at offset 0, which identifies an lst_overlay accelerator of any version."""
        return int(self._mmio.read(MAGIC_OFFSET))

    def read(self, name: str) -> int:
        """Read a register, 32 bits."""
        return int(self._mmio.read(self._entry(name)["address_offset"]))

    def write(self, name: str, value: int) -> None:
        """Write a register, 32 bits."""
        self._mmio.write(self._entry(name)["address_offset"], int(value))

    def strobe(self, name: str, field: str) -> None:
        """Write 1 to ``field`` and 0 to the other bits of a register whose bits act when 1 is written."""
        self.write(name, 1 << self._entry(name, field)["bit_offset"])

    def fields(self, name: str) -> Dict[str, int]:
        """Read a register once and return the values of all its fields."""
        return self.decode(name, self.read(name))

    def decode(self, name: str, value: int) -> Dict[str, int]:
        """Return the value of each field of a register that reads ``value``."""
        return {
            field: value >> entry["bit_offset"] & ((1 << entry["bit_width"]) - 1)
            for field, entry in self._entry(name).get("fields", {}).items()
        }

    def counter(self, name: str) -> int:
        """Read a latched 64-bit counter from its registers NAME_HI and NAME_LO."""
        return self.read(name + "_HI") << 32 | self.read(name + "_LO")

    def dump(self) -> str:
        """Return a text with one line for each readable register: offset, name, value, fields."""
        lines = []
        for name, entry in sorted(self._registers.items(), key=lambda item: item[1]["address_offset"]):
            if entry["access"] == "write-only":
                continue
            value = self.read(name)
            fields = " ".join(f"{field}={number}" for field, number in self.decode(name, value).items())
            lines.append(f"  0x{entry['address_offset']:02X} {name:<16} 0x{value:08X} {fields}".rstrip())
        return "\n".join(lines)

    def _entry(self, name: str, field: Optional[str] = None) -> dict:
        """The description of a register, or of one of its fields."""
        missing = f"register {name}"
        try:
            entry = self._registers[name]
            if field is None:
                return entry
            missing = f"field {name}.{field}"
            return entry["fields"][field]
        except KeyError:
            raise BitstreamError(
                f"the .hwh describes no {missing}: it is not of a version that this driver knows"
            ) from None
