"""The ctypes binding of the library that gateware.simulator builds: an object is one FPGA with memory.

Both the simulated pynq device (board.py) and the gateware's own tests drive a design through this class.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Union

import numpy as np

from ..errors import LstOverlayError

INTERFACE_VERSION = 1
DDR_BYTES = 0x4000_0000
_HANDLE, _U8, _U32, _U64 = ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint32, ctypes.c_uint64


class SimulationError(LstOverlayError):
    """The simulated board was asked for something that no board could do, or has no usable library."""


class BoardFrozen(SimulationError):
    """An access over GP0 was never answered. On a board this stops the ARM until power-off."""


class PollTimeout(SimulationError):
    """A register did not reach the expected value within the cycles allowed."""


class Parameters(ctypes.Structure):
    """The fields of gateware/simulator/parameters.h, which explains them, in the same order."""

    _fields_ = [
        (name, _U64)
        for name in (
            "seed",
            "period_ps",
            "latency_low_ps",
            "latency_high_ps",
            "latency_cycles",
            "withheld_per_256",
            "refresh_interval_ps",
            "refresh_ps",
            "bytes_per_us",
            "outstanding",
            "cpu_gap_ps",
            "cpu_timeout_cycles",
            "cpu_shuffled",
        )
    ]


MEMORY_MODELS = {
    "default": dict(
        latency_low_ps=200_000,
        latency_high_ps=400_000,
        withheld_per_256=26,
        refresh_interval_ps=7_800_000,
        refresh_ps=350_000,
        bytes_per_us=3200,
        outstanding=8,
        cpu_gap_ps=100_000,
        cpu_timeout_cycles=10_000,
        cpu_shuffled=1,
    ),
    "ideal": dict(latency_cycles=25, outstanding=8, cpu_gap_ps=100_000, cpu_timeout_cycles=10_000),
}


class Statistics(NamedTuple):
    """Counts of one HP port since configuration. read_stalled: cycles with a read beat waiting for RREADY."""

    read_bursts: int
    read_beats: int
    write_bursts: int
    write_beats: int
    read_stalled: int
    error_responses: int
    most_reads_outstanding: int
    most_writes_outstanding: int


class SimulatedLibrary:
    """A newly configured FPGA.

    memory: "default" or "ideal" (MEMORY_MODELS), or a dictionary like those.
    seed:   of the random initial content of registers and block RAM that have no initial value.
    """

    _handle = None

    def __init__(
        self,
        path: Union[str, os.PathLike],
        memory: Union[str, dict] = "default",
        seed: int = 1,
        fclk_mhz: float = 200.0,
    ):
        self.parameters = Parameters(seed=seed, period_ps=_period(fclk_mhz), **_settings(memory))
        self._library = _load(Path(path))
        self._random = np.random.default_rng(seed)
        self._buffers: Dict[int, np.ndarray] = {}
        self._handle = self._library.lst_create(ctypes.byref(self.parameters))

    def close(self) -> None:
        if self._handle:
            self._library.lst_destroy(self._handle)
            self._handle = None

    def __enter__(self) -> SimulatedLibrary:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self):
        self.close()

    # Accesses of the CPU over M_AXI_GP0. Each takes the cycles of its handshakes, then the CPU's gap between
    # accesses.

    def read32(self, address: int) -> int:
        return self.read_burst(address, 1)[0]

    def read_burst(self, address: int, beats: int) -> List[int]:
        """Read 1 .. 16 words in one AXI3 burst."""
        _check_access(address, beats)
        words = (_U32 * beats)()
        self._answered(self._library.lst_read(self._handle, address, beats, words), "read", address)
        return list(words)

    def write32(self, address: int, value: int, strobes: int = 0xF) -> None:
        self.write_burst(address, [value], strobes)

    def write_burst(self, address: int, values: List[int], strobes: int = 0xF) -> None:
        _check_access(address, len(values))
        words = (_U32 * len(values))(*values)
        self._answered(
            self._library.lst_write(self._handle, address, len(values), words, strobes), "write", address
        )

    def read_and_write32(self, read_address: int, write_address: int, value: int) -> int:
        """Read and write at the same time, as two CPU cores can. Returns the value read."""
        word = _U32()
        status = self._library.lst_read_and_write(
            self._handle, read_address, ctypes.byref(word), write_address, value
        )
        self._answered(status, "read and write", read_address)
        return word.value

    def poll(self, address: int, mask: int, expected: int, cycles: int, gap_ns: float = 100.0) -> int:
        """Read ``address`` every ``gap_ns`` until (value & mask) == expected.

        Raises PollTimeout after ``cycles`` cycles.
        """
        word = _U32()
        status = self._library.lst_poll(
            self._handle, address, mask, expected, cycles, int(gap_ns * 1000), ctypes.byref(word)
        )
        if status == 2:
            raise PollTimeout(
                f"register 0x{address:08X} is 0x{word.value:08X} after {cycles} cycles; "
                f"masked with 0x{mask:X} it should be 0x{expected:X}"
            )
        self._answered(status, "read", address)
        return word.value

    def _answered(self, status: int, access: str, address: int) -> None:
        if status:
            raise BoardFrozen(
                f"GP0 {access} of 0x{address:08X} was not answered "
                f"within {self.parameters.cpu_timeout_cycles} cycles; on a board this stops the ARM for good"
            )

    # Time.

    def run(self, cycles: int) -> None:
        self._library.lst_run(self._handle, cycles)

    @property
    def cycles(self) -> int:
        """FCLK0 cycles since configuration."""
        return self._library.lst_cycle(self._handle)

    def set_fclk(self, mhz: float) -> None:
        self.parameters.period_ps = _period(mhz)
        self._library.lst_set_period(self._handle, self.parameters.period_ps)

    def set_reset(self, asserted: bool) -> None:
        """Drive FCLK_RESET0_N: low while ``asserted``."""
        self._library.lst_set_reset(self._handle, int(asserted))

    # Memory. The design may access buffers only; the rest of the 1 GB belongs to other software.

    def map(self, address: int, data: Union[int, np.ndarray]) -> np.ndarray:
        """Make [address, address + size) a buffer and return its content.

        data: the size in bytes, for random content, or a uint8 array, which is used in place.
        """
        if isinstance(data, int):
            data = self._random.integers(0, 256, data, dtype=np.uint8)
        if data.dtype != np.uint8 or data.ndim != 1 or not data.flags.c_contiguous:
            raise ValueError("a buffer must be a contiguous one-dimensional array of uint8")
        if address % 8:
            raise ValueError(f"a buffer must start at a multiple of 8, not 0x{address:X}")
        if not self._library.lst_map(self._handle, address, data.size, data.ctypes.data):
            raise ValueError(
                f"a buffer of {data.size} bytes at 0x{address:X} is empty, overlaps another "
                f"or leaves the {DDR_BYTES >> 20} MB of DDR"
            )
        self._buffers[address] = data
        return data

    def unmap(self, address: int) -> None:
        if address not in self._buffers:
            raise ValueError(f"no buffer starts at 0x{address:X}")
        if self._handle:  # a buffer may outlive the design it belonged to
            self._library.lst_unmap(self._handle, address)
        del self._buffers[address]

    def write_memory(self, address: int, data: Union[bytes, np.ndarray]) -> None:
        """Write to a buffer directly, not through the design, and without simulated time passing."""
        if isinstance(data, (bytes, bytearray)):
            data = np.frombuffer(data, np.uint8)
        data = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        self._span(address, data.size)[:] = data

    def read_memory(self, address: int, size: int) -> np.ndarray:
        return self._span(address, size).copy()

    def _span(self, address: int, size: int) -> np.ndarray:
        for base, data in self._buffers.items():
            if base <= address and address + size <= base + data.size:
                return data[address - base : address - base + size]
        raise ValueError(f"{size} bytes at 0x{address:X} are not inside one buffer")

    # Faults, broken rules and statistics.

    def inject(
        self,
        memory_dead: Optional[bool] = None,
        hold_write_responses: Optional[bool] = None,
        withheld: Optional[float] = None,
    ) -> None:
        """Switch faults on or off while the design runs. None leaves a setting unchanged.

        memory_dead:          memory accepts addresses and never answers.
        hold_write_responses: there is no BVALID, and written data do not reach memory.
        withheld:             share of cycles, 0 .. 255/256, in which a beat or a READY is withheld.
        """
        if memory_dead is not None:
            self._library.lst_set_memory_dead(self._handle, int(memory_dead))
        if hold_write_responses is not None:
            self._library.lst_hold_write_responses(self._handle, int(hold_write_responses))
        if withheld is not None:
            if not 0 <= withheld < 1:
                raise ValueError(f"withheld must be at least 0 and below 1, not {withheld}")
            self._library.lst_set_withheld(
                self._handle, round(withheld * 256) if withheld < 255 / 256 else 255
            )

    def inject_error(
        self, address: int, size: int, reads: bool = True, writes: bool = True, decode: bool = False
    ) -> None:
        """Answer accesses to [address, address + size) with SLVERR, or DECERR. Such writes change nothing."""
        self._library.lst_add_faulty_range(self._handle, address, size, int(reads), int(writes), int(decode))

    def clear_errors(self) -> None:
        self._library.lst_clear_faulty_ranges(self._handle)

    def violations(self) -> List[str]:
        """The bus rules that the design broke: at most the first 200, each with rule, port and cycle."""
        count = self._library.lst_violation_texts(self._handle)
        return [self._library.lst_violation_text(self._handle, index).decode() for index in range(count)]

    @property
    def violation_count(self) -> int:
        return self._library.lst_violation_count(self._handle)

    def clear_violations(self) -> None:
        self._library.lst_clear_violations(self._handle)

    def statistics(self, port: int = 0) -> Statistics:
        """The counts of S_AXI_HP<port>."""
        if port not in range(4):
            raise ValueError(f"port must be 0 .. 3, not {port}")
        values = (_U64 * len(Statistics._fields))()
        self._library.lst_statistics(self._handle, port, values)
        return Statistics(*values)


def _settings(memory: Union[str, dict]) -> dict:
    if isinstance(memory, str):
        if memory not in MEMORY_MODELS:
            raise ValueError(f"memory must be one of {', '.join(MEMORY_MODELS)}, not {memory!r}")
        return MEMORY_MODELS[memory]
    unknown = set(memory) - {name for name, _ in Parameters._fields_}  # ctypes would accept them silently
    if unknown:
        raise ValueError(f"memory has no setting {', '.join(sorted(unknown))}")
    return memory


def _period(mhz: float) -> int:
    if not 1 <= mhz <= 1000:
        raise ValueError(f"FCLK0 must be 1 .. 1000 MHz, not {mhz}")
    return round(1e6 / mhz)


def _check_access(address: int, beats: int) -> None:
    if address % 4 or not 0 <= address < 1 << 32:
        raise ValueError(f"a GP0 access needs a 32-bit address that is a multiple of 4, not 0x{address:X}")
    if not 1 <= beats <= 16:
        raise ValueError(f"a GP0 burst has 1 .. 16 beats, not {beats}")


_SIGNATURES = {  # name: (result, arguments)
    "lst_create": (_HANDLE, [ctypes.POINTER(Parameters)]),
    "lst_destroy": (None, [_HANDLE]),
    "lst_run": (None, [_HANDLE, _U64]),
    "lst_cycle": (_U64, [_HANDLE]),
    "lst_set_period": (None, [_HANDLE, _U64]),
    "lst_set_reset": (None, [_HANDLE, ctypes.c_int]),
    "lst_read": (ctypes.c_int, [_HANDLE, _U32, ctypes.c_int, ctypes.POINTER(_U32)]),
    "lst_write": (ctypes.c_int, [_HANDLE, _U32, ctypes.c_int, ctypes.POINTER(_U32), ctypes.c_int]),
    "lst_read_and_write": (ctypes.c_int, [_HANDLE, _U32, ctypes.POINTER(_U32), _U32, _U32]),
    "lst_poll": (ctypes.c_int, [_HANDLE, _U32, _U32, _U32, _U64, _U64, ctypes.POINTER(_U32)]),
    "lst_map": (ctypes.c_int, [_HANDLE, _U64, _U64, _HANDLE]),
    "lst_unmap": (ctypes.c_int, [_HANDLE, _U64]),
    "lst_set_memory_dead": (None, [_HANDLE, ctypes.c_int]),
    "lst_hold_write_responses": (None, [_HANDLE, ctypes.c_int]),
    "lst_set_withheld": (None, [_HANDLE, _U64]),
    "lst_add_faulty_range": (None, [_HANDLE, _U64, _U64, ctypes.c_int, ctypes.c_int, ctypes.c_int]),
    "lst_clear_faulty_ranges": (None, [_HANDLE]),
    "lst_violation_count": (_U64, [_HANDLE]),
    "lst_violation_texts": (_U64, [_HANDLE]),
    "lst_violation_text": (ctypes.c_char_p, [_HANDLE, _U64]),
    "lst_clear_violations": (None, [_HANDLE]),
    "lst_statistics": (None, [_HANDLE, ctypes.c_int, ctypes.POINTER(_U64)]),
}


def _load(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path.resolve()))
    except OSError as error:
        raise SimulationError(f"{path}: not a library that this machine can load ({error})") from None
    try:
        library.lst_interface_version.restype = ctypes.c_int
        version = library.lst_interface_version()
    except AttributeError:
        raise SimulationError(f"{path}: a library, but not one of a simulated board") from None
    if version != INTERFACE_VERSION:
        raise SimulationError(
            f"{path}: interface version {version}, this package needs {INTERFACE_VERSION}; build it again"
        )
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
