"""FCLK0, the accelerator's clock, by its two divisors.

pynq assumes a 50 MHz crystal where the Zybo Z7 has 33.33 MHz, so its megahertz are wrong by half; pynq 3.0.1 knows
its clocks only on the board's own processor. The register is the same for all, and one write changes both divisors.
"""

from __future__ import annotations

from typing import Tuple

from pynq import MMIO

from ..errors import LstOverlayError

IO_PLL_MHZ = 1000.0  # 33.33 MHz crystal times 30, set by the boot image
SLCR_ADDRESS, SLCR_BYTES = 0xF8000000, 0x200
FPGA0_CLK_CTRL = 0x170
DIVISOR0_BIT, DIVISOR1_BIT, DIVISOR_MASK = 8, 20, 0x3F
SOURCE_BIT, SOURCE_MASK = 4, 0x3
SOURCES = ("IO PLL", "IO PLL", "ARM PLL", "DDR PLL")


def mhz(divisors: Tuple[int, int]) -> float:
    return IO_PLL_MHZ / (divisors[0] * divisors[1])


class Fclk0:
    """FCLK0 of a Zynq-7000 on a pynq device."""

    def __init__(self, device):
        self._slcr = MMIO(SLCR_ADDRESS, SLCR_BYTES, device=device)

    @property
    def divisors(self) -> Tuple[int, int]:
        """(divisor 0, divisor 1) as the hardware has them now."""
        value = self._control()
        return value >> DIVISOR0_BIT & DIVISOR_MASK, value >> DIVISOR1_BIT & DIVISOR_MASK

    def set(self, divisors: Tuple[int, int]) -> None:
        """LstOverlayError if FCLK0 does not come from the IO PLL or the divisors do not read back."""
        for divisor in divisors:
            if not 1 <= divisor <= DIVISOR_MASK:
                raise LstOverlayError(
                    f"FCLK0's divisors must be 1..{DIVISOR_MASK}, not {divisors[0]} and {divisors[1]}"
                )
        value = self._control()
        source = SOURCES[value >> SOURCE_BIT & SOURCE_MASK]
        if source != "IO PLL":
            raise LstOverlayError(
                f"FCLK0 must come from the IO PLL ({IO_PLL_MHZ:.0f} MHz), but FPGA0_CLK_CTRL = 0x{value:08X} "
                f"selects the {source}: the boot image configured the PS in another way"
            )
        value &= ~(DIVISOR_MASK << DIVISOR0_BIT | DIVISOR_MASK << DIVISOR1_BIT)
        self._slcr.write(FPGA0_CLK_CTRL, value | divisors[0] << DIVISOR0_BIT | divisors[1] << DIVISOR1_BIT)
        if self.divisors != tuple(divisors):
            raise LstOverlayError(
                f"FCLK0's divisors read back {self.divisors} instead of {tuple(divisors)}: the SLCR is locked"
            )

    def _control(self) -> int:
        return int(self._slcr.read(FPGA0_CLK_CTRL))
