"""A simulated Zybo Z7-10: a pynq Device whose fabric is verilated gateware and whose memory is not coherent.

It is used only on request: `LST1Overlay(device=SimulatedBoard())`, or LST_BOARD=sim in the environment. Below
an unmodified pynq it answers register accesses, allocates buffers and accepts "bitstreams" that `make
simulator` wrote.
"""

from __future__ import annotations

import datetime
import os
import threading
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Union

import numpy as np
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from ..errors import BitstreamError
from .bit import read_bit
from .library import BoardFrozen, SimulatedLibrary, SimulationError
from .processing_system import ProcessingSystem

GP0_WINDOW = range(0x4000_0000, 0x8000_0000)
# The address of Linux's contiguous memory on this board, and the size that PYNQ's images reserve.
CMA_BASE, CMA_BYTES, PAGE_BYTES = 0x1680_0000, 128 << 20, 4096


class SimulatedBuffer(PynqBuffer):
    """A PynqBuffer of the simulated board. The array itself owns the memory; a view of it does not."""

    _owner = False

    def freebuffer(self) -> None:
        if self._owner:
            self._owner = False
            self.device.free(self.device_address)


class _Memory(NamedTuple):
    cpu: np.ndarray  # the content as the processor sees it, through its caches
    device: np.ndarray  # the content of the DDR


class SimulatedBoard(Device):
    """A board with one simulated FPGA, which each download configures anew.

    memory:           "default" (latencies, stalls and refresh as on the board), "ideal", or settings of your
                      own (library.py).
    seed:             of the random content of all memory and of registers without an initial value.
    faults:           arguments of SimulatedLibrary.inject, applied at each download.
    poll_interval_us: if a register reads the same value again, the driver is waiting for it to change.
                      Simulated time then passes before the next read, from 0.1 us up to this much, as on a
                      real processor.
    """

    name = "simulated"
    arch = "armv7l"  # pynq.ps.Clocks asks for it; not the arch of the machine that simulates
    capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False}

    def __init__(
        self,
        memory: Union[str, dict] = "default",
        seed: int = 1,
        faults: Optional[dict] = None,
        poll_interval_us: float = 25.0,
    ):
        super().__init__("lst_simulated")
        self.poll_interval_us = poll_interval_us
        self._model, self._seed, self._faults = memory, seed, dict(faults or {})
        self._random = np.random.default_rng(seed)
        # Re-entrant: the garbage collector may free a buffer in the middle of a call.
        self._lock = threading.RLock()
        self._ps = ProcessingSystem()
        self._fabric: Optional[SimulatedLibrary] = None
        self._memory: Dict[int, _Memory] = {}
        self._earlier_violations: List[str] = []
        self._downloads = 0
        self._last_values: Dict[int, int] = {}
        self._intervals_us: Dict[int, float] = {}

    # For tests and for curious users.

    @property
    def fabric(self) -> SimulatedLibrary:
        """The configured design, with its cycles, faults and statistics. Each download replaces it."""
        if self._fabric is None:
            raise BoardFrozen(
                "no bitstream was downloaded: on a board this access would stop the ARM for good"
            )
        return self._fabric

    def violations(self) -> List[str]:
        """The bus rules broken by all designs downloaded so far; an empty list is good."""
        return self._earlier_violations + (self._fabric.violations() if self._fabric else [])

    @property
    def fclk0_mhz(self) -> float:
        return self._ps.fclk0_mhz

    def advance(self, microseconds: float) -> None:
        """Let simulated time pass without touching the design."""
        with self._lock:
            self.fabric.run(int(microseconds * self._ps.fclk0_mhz))

    # The interface that pynq uses.

    def set_bitfile_name(self, bitfile_name: str) -> None:
        super().set_bitfile_name(bitfile_name)
        # pynq makes its Clocks once per process, for the first device it meets.
        from pynq.ps import Clocks

        if "_real_instance" in vars(Clocks):
            del Clocks._real_instance

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False):
        """Parse the .hwh. pynq's own method would look in a cache by the .bit alone, and call xclbinutil."""
        if partial:
            raise BitstreamError(f"{bitfile_name}: the simulated board takes no partial bitstreams")
        from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
        from pynqmetadata.frontends import Metadata

        hwh = Path(bitfile_name).with_suffix(".hwh")
        if not hwh.is_file():
            raise BitstreamError(f"{bitfile_name}: {hwh.name} does not lie beside it")
        parser = RuntimeMetadataParser(Metadata(input=str(hwh)))
        parser.refresh_hierarchy_dict()
        return parser

    def download(self, bitstream, parser=None) -> None:
        bit = read_bit(bitstream.bitfile_name)
        if bitstream.partial:
            raise BitstreamError(f"{bitstream.bitfile_name}: the simulated board takes no partial bitstreams")
        self.configure(bit.library)
        now = datetime.datetime.now()
        bitstream.timestamp = (
            f"{now.year}/{now.month}/{now.day} {now.hour}:{now.minute}:{now.second} +{now.microsecond}"
        )
        self.bitfile_name, self.timestamp = bitstream.bitfile_name, bitstream.timestamp
        if parser is not None:
            self.reset(parser, bitstream.timestamp, bitstream.bitfile_name)

    def configure(self, library: Union[str, os.PathLike]) -> None:
        """Configure the fabric with the design of a library; buffers stay."""
        with self._lock:
            # Each download has a seed of its own, so that nothing depends on the initial state of the last
            # one.
            fabric = SimulatedLibrary(
                library, self._model, self._seed + 1000 * self._downloads, self._ps.fclk0_mhz
            )
            self._downloads += 1
            self._ps.switch_level_shifters_on()
            for address, memory in self._memory.items():
                fabric.map(address, memory.device)
            fabric.inject(**self._faults)
            if self._fabric is not None:
                self._earlier_violations += self._fabric.violations()
                self._fabric.close()
            self._fabric = fabric
            self._forget_polls()

    def read_registers(self, address: int, length: int) -> bytes:
        with self._lock:
            return b"".join(
                self._read(address + offset).to_bytes(4, "little") for offset in range(0, length, 4)
            )

    def write_registers(self, address: int, data) -> None:
        data = bytes(data)
        with self._lock:
            for offset in range(0, len(data), 4):
                self._write(address + offset, int.from_bytes(data[offset : offset + 4], "little"))

    def _read(self, address: int) -> int:
        if address not in GP0_WINDOW:
            return self._ps.read(address)
        value = self._connected().read32(address)
        if self._last_values.get(address) == value:
            interval = min(max(2 * self._intervals_us.get(address, 0.0), 0.1), self.poll_interval_us)
            self._fabric.run(int(interval * self._ps.fclk0_mhz))
        else:
            interval = 0.0
        self._last_values[address], self._intervals_us[address] = value, interval
        return value

    def _write(self, address: int, value: int) -> None:
        if address in GP0_WINDOW:
            self._connected().write32(address, value)
            self._forget_polls()
            return
        self._ps.write(address, value)
        mhz = self._ps.fclk0_mhz
        if self._fabric is not None:
            self._fabric.set_fclk(mhz)
            self._fabric.set_reset(self._ps.fabric_in_reset)

    def _connected(self) -> SimulatedLibrary:
        if not self._ps.fabric_connected:
            raise BoardFrozen(
                "the level shifters between PS and fabric are off (LVL_SHFTR_EN is not 0xF): "
                "on a board this access would stop the ARM for good"
            )
        return self.fabric

    def _forget_polls(self) -> None:
        self._last_values.clear()
        self._intervals_us.clear()

    # Memory: each buffer exists twice, and only flush and invalidate copy from one to the other.

    def allocate(self, shape, dtype="u4", **_) -> SimulatedBuffer:
        size = max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        with self._lock:
            address = self._free_address(size)
            memory = _Memory(*(self._random.integers(0, 256, size, dtype=np.uint8) for _ in range(2)))
            self._memory[address] = memory
            if self._fabric is not None:
                self._fabric.map(address, memory.device)
        buffer = SimulatedBuffer(
            shape, dtype, buffer=memory.cpu, device=self, device_address=address, bo=address, coherent=False
        )
        buffer._owner = True
        return buffer

    def _free_address(self, size: int) -> int:
        """The first gap that fits. A page without a buffer separates neighbours, to detect overruns."""
        address = CMA_BASE
        for base in sorted(self._memory):
            if address + size + PAGE_BYTES <= base:
                break
            address = base + _pages(self._memory[base].device.size) + PAGE_BYTES
        if address + size > CMA_BASE + CMA_BYTES:
            used = sum(memory.device.size for memory in self._memory.values())
            raise MemoryError(
                f"no room for a buffer of {size} bytes: "
                f"{used} of the board's {CMA_BYTES} contiguous bytes are in use"
            )
        return address

    def free(self, address: int) -> None:
        with self._lock:
            if self._memory.pop(address, None) is not None and self._fabric is not None:
                self._fabric.unmap(address)

    def flush(self, bo: int, offset: int, _pointer: int, size: int) -> None:
        with self._lock:
            memory, span = self._span(bo, offset, size)
            memory.device[span] = memory.cpu[span]

    def invalidate(self, bo: int, offset: int, _pointer: int, size: int) -> None:
        with self._lock:
            memory, span = self._span(bo, offset, size)
            memory.cpu[span] = memory.device[span]

    def _span(self, bo: int, offset: int, size: int):
        memory = self._memory.get(bo)
        if memory is None:
            raise SimulationError(f"the buffer at 0x{bo:08X} was freed before")
        if offset < 0 or offset + size > memory.cpu.size:
            raise SimulationError(
                f"bytes {offset} .. {offset + size} leave the buffer at 0x{bo:08X} of {memory.cpu.size} bytes"
            )
        return memory, slice(offset, offset + size)


def _pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES


_board: Optional[SimulatedBoard] = None


def get_device() -> SimulatedBoard:
    """The simulated board of this process, to which LST_BOARD=sim refers.

    The first call makes it and makes it pynq's active device.
    """
    global _board
    if _board is None:
        _board = SimulatedBoard()
        Device.active_device = _board
    return _board
