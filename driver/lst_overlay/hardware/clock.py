"""The accelerator's clock FCLK0, set by its two divisors in the PS.

The divisors are set here, not through pynq: pynq assumes a 50 MHz crystal where the Zybo Z7 has 33.33 MHz,
so its frequencies are wrong by a factor of 1.5, and pynq 3.0.1 supports clocks on an ARM processor only.
One write to FPGA0_CLK_CTRL changes both divisors at once.
"""

from __future__ import annotations

from typing import Tuple

from pynq import MMIO

from ..errors import BitstreamError, LstOverlayError

IO_PLL_MHZ = 1000.0  # The boot image multiplies the 33.33 MHz of the crystal by 30.
SLCR_ADDRESS, SLCR_BYTES = 0xF8000000, 0x200
FPGA0_CLK_CTRL = 0x170
DIVISOR0_BIT, DIVISOR1_BIT, DIVISOR_MASK = 8, 20, 0x3F
SOURCE_BIT, SOURCE_MASK = 4, 0x3
SOURCES = ("IO PLL", "IO PLL", "ARM PLL", "DDR PLL")


def mhz(divisors: Tuple[int, int]) -> float:
    """The frequency of FCLK0 in MHz for (divisor 0, divisor 1)."""
    return IO_PLL_MHZ / (divisors[0] * divisors[1])


class Fclk0:
    """The PS clock FCLK0 of the Zynq-7000 on a pynq ``device``."""

    def __init__(self, device):
        self._slcr = MMIO(SLCR_ADDRESS, SLCR_BYTES, device=device)

    @property
    def divisors(self) -> Tuple[int, int]:
        """(divisor 0, divisor 1), read from the hardware."""
        value = self._control()
        return value >> DIVISOR0_BIT & DIVISOR_MASK, value >> DIVISOR1_BIT & DIVISOR_MASK

    def set(self, divisors: Tuple[int, int]) -> None:
        """Write both divisors, each 1..63.

        Raises LstOverlayError if a divisor is out of range, FCLK0 does not come from the IO PLL, or the
        divisors do not read back.
        """
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

    def check(self, limit: Tuple[int, int], bitfile_name: str) -> None:
        """Raise BitstreamError if FCLK0 is faster than the divisors ``limit`` of the design make it."""
        if mhz(self.divisors) > mhz(limit):
            raise BitstreamError(
                f"{bitfile_name} was built for at most {mhz(limit):.3f} MHz, FCLK0 runs at "
                f"{mhz(self.divisors):.3f} MHz: download=True sets it"
            )

    def _control(self) -> int:
        return int(self._slcr.read(FPGA0_CLK_CTRL))
