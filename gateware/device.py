"""Boards, their memory, and their parts: slices, LUT, flip-flops, block RAMs of 18 Kbit, DSP blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from lst_overlay.hardware.bitstream_files import DEFAULT_BOARD

# XC7Z010, on the Zybo Z7-10
DEVICE = {"slices": 4_400, "lut": 17_600, "ff": 35_200, "ramb18": 120, "dsp48e1": 80}
CAPACITY = {
    "xc7z010": DEVICE,
    "xc7z020": {"slices": 13_300, "lut": 53_200, "ff": 106_400, "ramb18": 280, "dsp48e1": 220},
}


@dataclass(frozen=True)
class Board:
    """A board as far as the design depends on it: it uses the PS alone, no pins, so only the part matters.

    part: Vivado's name, with package and speed grade, such as xc7z010clg400-1.
    """

    part: str

    @property
    def die(self) -> str:
        """The part without package and speed grade, a key of CAPACITY."""
        return self.part[: len("xc7z010")]

    @property
    def package(self) -> str:
        return self.part[len(self.die) :].partition("-")[0]

    @property
    def speed_grade(self) -> str:
        return "-" + self.part.partition("-")[2]

    @property
    def capacity(self) -> Dict[str, int]:
        return CAPACITY[self.die]


@dataclass(frozen=True)
class Memory:
    """A board's DRAM behind the HP ports. Rates are bytes per second.

    peak:            the rate of the DRAM's pins.
    sequential:      the share of the peak that UG585 measured with sequential reads over four HP ports.
    designed:        the share of the peak that the DRAM's controller was designed for, by UG585.
    controller_port: the most that a port of the controller carries, which two HP ports share.
    """

    peak: float
    sequential: float
    designed: float
    controller_port: float


# DDR3 of the Zybo Z7: 533 MHz, both edges, 4 bytes. UG585, section 22.3, has the limits.
MEMORY = Memory(peak=533e6 * 2 * 4, sequential=0.97, designed=0.75, controller_port=2840e6)

BOARDS = {
    DEFAULT_BOARD: Board(part="xc7z010clg400-1"),
    # Nobody has tried these.
    "zybo_z7_20": Board(part="xc7z020clg400-1"),
    "pynq_z1": Board(part="xc7z020clg400-1"),
    "pynq_z2": Board(part="xc7z020clg400-1"),
}
