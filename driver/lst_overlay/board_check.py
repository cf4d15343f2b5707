"""A new board's first question: is everything as the design assumes? Under PYNQ the boot image, not the bitstream, set up the PS."""
from __future__ import annotations

import time
from typing import List, NamedTuple, Sequence

import numpy as np
from pynq import MMIO

from .accelerator import Accelerator

# Zynq-7000 TRM: AFI_RDCHAN_CTRL and AFI_WRCHAN_CTRL of S_AXI_HP0, the next ports' 0x1000 further on (bit 0: 32 bits instead of 64), SLCR
# LVL_SHFTR_EN.
AFI0_ADDRESS, AFI_SPACING, RDCHAN_CTRL, WRCHAN_CTRL = 0xF8008000, 0x1000, 0x00, 0x14
LVL_SHFTR_EN, LVL_SHFTR_ON = 0xF8000900, 0xF
MEASURED_S = 0.1
CLOCK_TOLERANCE = 0.01  # crystals are a hundred times better; a wrong crystal or PLL is 50 % off
IMAGES = 64


class Check(NamedTuple):
    """One finding. ``rule`` says what ``found`` must be."""

    name: str
    passed: bool
    found: str
    rule: str


def measured_mhz(accelerator: Accelerator) -> float:
    """The true clock: two samples of the cycle counter TIME against the processor's clock."""
    first, begun = accelerator.sample_time(), time.perf_counter()
    time.sleep(MEASURED_S)
    second, ended = accelerator.sample_time(), time.perf_counter()
    return (second - first) / (ended - begun) / 1e6


def check_clock(accelerator: Accelerator, divisor_mhz: float) -> Check:
    """FCLK0 against the wall clock: on a board only."""
    found = measured_mhz(accelerator)
    return Check("FCLK0", abs(found / divisor_mhz - 1) < CLOCK_TOLERANCE, f"{found:.3f} MHz measured",
                 f"{divisor_mhz:.3f} MHz by its divisors")


def check_processing_system(device, hp_ports: Sequence[int]) -> List[Check]:
    """The PS as this design needs it: width of its ports, level shifters."""
    checks = []
    for port in hp_ports:
        afi = MMIO(AFI0_ADDRESS + AFI_SPACING * port, 0x20, device=device)
        for direction, offset in (("read", RDCHAN_CTRL), ("write", WRCHAN_CTRL)):
            narrow = int(afi.read(offset)) & 1
            checks.append(Check(f"S_AXI_HP{port} {direction} width", not narrow, "32 bits" if narrow else "64 bits", "64 bits"))
    shifters = int(MMIO(LVL_SHFTR_EN, 4, device=device).read(0))
    checks.append(Check("level shifters", shifters == LVL_SHFTR_ON, f"LVL_SHFTR_EN = 0x{shifters:X}", f"0x{LVL_SHFTR_ON:X}, all on"))
    return checks


def random_images() -> np.ndarray:
    """(IMAGES, 28, 28) uint8, the same each time."""
    return np.random.default_rng(0).integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)


def check_logits(found: np.ndarray, expected: np.ndarray) -> Check:
    """Hardware against the integer reference, both (IMAGES, 10)."""
    wrong = int((found != expected).any(axis=1).sum())
    return Check("logits", wrong == 0, f"{wrong} of {len(found)} images differ", "0: equal to the integer reference")
