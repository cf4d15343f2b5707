"""The registers of the Zynq-7000 PS that our software uses, with the values that the boot image leaves."""

from __future__ import annotations

from typing import Dict

from .library import SimulationError

CRYSTAL_MHZ = 100 / 3  # of the Zybo Z7; pynq assumes 50
SLCR = 0xF800_0000
ARM_PLL_CTRL, DDR_PLL_CTRL, IO_PLL_CTRL = SLCR + 0x100, SLCR + 0x104, SLCR + 0x108
FPGA0_CLK_CTRL = SLCR + 0x170
FPGA_RST_CTRL = SLCR + 0x240  # bit 0: FCLK_RESET0_N is low
LVL_SHFTR_EN = SLCR + 0x900  # 0xF: signals pass between PS and FPGA
AFI_PORTS = tuple(0xF800_8000 + 0x1000 * port for port in range(4))  # one block per S_AXI_HP port

_AT_BOOT = {
    SLCR + 0x004: 0,
    SLCR + 0x008: 0,
    SLCR + 0x00C: 0,  # SLCR_LOCK, SLCR_UNLOCK, SLCR_LOCKSTA: Linux leaves it unlocked
    ARM_PLL_CTRL: 0x0002_8008,  # feedback divisor 40: 1333 MHz
    DDR_PLL_CTRL: 0x0002_0008,  # 32: 1067 MHz
    IO_PLL_CTRL: 0x0001_E008,  # 30: 1000 MHz
    SLCR + 0x120: 0x1F00_0200,  # ARM_CLK_CTRL
    FPGA0_CLK_CTRL: 0x0020_0500,  # IO PLL, divisors 5 and 2: 100 MHz
    SLCR + 0x180: 0x0010_0700,
    SLCR + 0x190: 0x0010_0500,
    SLCR + 0x1A0: 0x0010_0500,  # FPGA1 .. FPGA3_CLK_CTRL
    FPGA_RST_CTRL: 0,
    LVL_SHFTR_EN: 0,  # Linux switches them on after each download
}
for _base in AFI_PORTS:
    # RDCHAN_CTRL (bit 0 set: the port is 32 bits wide), RDCHAN_ISSUINGCAP, RDQOS, then the same for WRCHAN.
    _AT_BOOT.update(
        {_base: 0, _base + 0x04: 7, _base + 0x08: 0, _base + 0x14: 0xF00, _base + 0x18: 7, _base + 0x1C: 0}
    )


class ProcessingSystem:
    def __init__(self):
        self._registers: Dict[int, int] = dict(_AT_BOOT)

    def switch_level_shifters_on(self) -> None:
        self._registers[LVL_SHFTR_EN] = 0xF

    def read(self, address: int) -> int:
        return self._registers[self._decoded(address)]

    def write(self, address: int, value: int) -> None:
        self._registers[self._decoded(address)] = value & 0xFFFF_FFFF

    def _decoded(self, address: int) -> int:
        if address not in self._registers:
            raise SimulationError(f"the simulated PS has no register at 0x{address:08X}")
        return address

    @property
    def fclk0_mhz(self) -> float:
        control = self._registers[FPGA0_CLK_CTRL]
        divisors = (control >> 8 & 0x3F) * (control >> 20 & 0x3F)
        if not divisors:
            raise SimulationError(f"FCLK0 stands still: FPGA0_CLK_CTRL = 0x{control:08X} has a divisor of 0")
        pll = (IO_PLL_CTRL, IO_PLL_CTRL, ARM_PLL_CTRL, DDR_PLL_CTRL)[control >> 4 & 3]
        return CRYSTAL_MHZ * (self._registers[pll] >> 12 & 0x7F) / divisors

    @property
    def fabric_in_reset(self) -> bool:
        return bool(self._registers[FPGA_RST_CTRL] & 1)

    @property
    def fabric_connected(self) -> bool:
        return self._registers[LVL_SHFTR_EN] == 0xF
