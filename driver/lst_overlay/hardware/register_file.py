"""The accelerator's registers by name. Offsets and fields come from the .hwh; only MAGIC has a fixed place, offset 0."""

from __future__ import annotations

from typing import Dict

from ..errors import BitstreamError

MAGIC_OFFSET = 0


class RegisterFile:
    """mmio: pynq.MMIO. registers: the 'registers' entry of pynq's ip_dict."""

    def __init__(self, mmio, registers: Dict[str, dict]):
        self._mmio = mmio
        self._registers = registers

    def magic(self) -> int:
        """The word at offset 0, readable before anything about the design is known."""
        return int(self._mmio.read(MAGIC_OFFSET))

    def read(self, name: str) -> int:
        return int(self._mmio.read(self._entry(name)["address_offset"]))

    def write(self, name: str, value: int) -> None:
        self._mmio.write(self._entry(name)["address_offset"], int(value))

    def strobe(self, name: str, field: str) -> None:
        """Write a 1 into ``field`` and 0 elsewhere: for write-only registers whose bits act once."""
        self.write(name, 1 << self._field(name, field)["bit_offset"])

    def fields(self, name: str) -> Dict[str, int]:
        """All fields of one register from a single read."""
        return self.decode(name, self.read(name))

    def decode(self, name: str, value: int) -> Dict[str, int]:
        return {
            field: value >> entry["bit_offset"] & ((1 << entry["bit_width"]) - 1)
            for field, entry in self._entry(name).get("fields", {}).items()
        }

    def counter(self, name: str) -> int:
        """A latched 64-bit counter, NAME_HI and NAME_LO."""
        return self.read(name + "_HI") << 32 | self.read(name + "_LO")

    def dump(self) -> str:
        """Every readable register, one per line: offset, name, value, fields."""
        lines = []
        for name, entry in sorted(self._registers.items(), key=lambda item: item[1]["address_offset"]):
            if entry["access"] == "write-only":
                continue
            value = self.read(name)
            fields = " ".join(f"{field}={number}" for field, number in self.decode(name, value).items())
            lines.append(f"  0x{entry['address_offset']:02X} {name:<16} 0x{value:08X} {fields}".rstrip())
        return "\n".join(lines)

    def _entry(self, name: str) -> dict:
        try:
            return self._registers[name]
        except KeyError:
            raise BitstreamError(
                f"the .hwh describes no register {name}: it is not of a version that this driver knows"
            ) from None

    def _field(self, name: str, field: str) -> dict:
        try:
            return self._entry(name)["fields"][field]
        except KeyError:
            raise BitstreamError(
                f"the .hwh describes no field {name}.{field}: it is not of a version that this driver knows"
            ) from None
