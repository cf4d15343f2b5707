"""Batches through the accelerator: chunks of images in two sets of buffers; one is filled while the other computes."""

from __future__ import annotations

import time
from collections import deque
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ..errors import HardwareError, HardwareTimeout, LstOverlayError
from ..registers import ALIGNMENT, ResultMode
from .accelerator import Accelerator
from .capabilities import Capabilities

CHUNK_IMAGES = 4096  # Python's share of a command is then a few nanoseconds an image
PROFILE_CHUNK_IMAGES = 16384  # one START where it fits: cycles per image are counted over a whole batch
# Seconds allowed: about 200 times what the hardware needs. The simulated board runs at a hundredth of the clock.
TIMEOUT_S = 2.0
TIMEOUT_PER_IMAGE_S = 1e-3
SIMULATED_TIMEOUT_FACTOR = 10.0


class Measurement(NamedTuple):
    """starts: commands; cycles: summed over them, START taken up to DONE; wall_s: from the first START to the last DONE."""

    starts: int
    cycles: int
    stall_input_cycles: int
    stall_output_cycles: int
    wall_s: float


class Buffers:
    """Contiguous memory for the pixels, in their layout, and the results of at most ``images`` images."""

    def __init__(self, device, capabilities: Capabilities, images: int):
        self.layout = layout = capabilities.layout
        self._record = record = capabilities.record
        self.images = images
        self.pixels = []
        try:
            for _ in range(layout.buffers):
                self.pixels.append(allocate(device, (images, layout.bytes_per_image), np.uint8))
            self.results = allocate(device, (record.bytes(ResultMode.LOGITS, images),), np.uint8)
        except BaseException:
            self.pixels = []  # else the exception's traceback would keep them
            raise

    @property
    def addresses(self) -> Tuple[List[int], int]:
        """Values of SOURCE and SOURCE_1, and of DESTINATION."""
        sources = self.layout.sources([buffer.device_address for buffer in self.pixels])
        return sources, self.results.device_address

    def fill(self, images: np.ndarray) -> None:
        self.layout.fill(images, [np.asarray(buffer)[: len(images)] for buffer in self.pixels])
        for buffer in self.pixels:
            (buffer if len(images) == self.images else buffer[: len(images)]).flush()

    def read(self, mode: int, images: int) -> np.ndarray:
        """(images,) int64 classes or (images, values) int32 values of the records, copied out."""
        part = self.results[: self._record.bytes(mode, images)]
        part.invalidate()
        return self._record.unpack(mode, np.asarray(part), images)


def allocate(device, shape, dtype):
    """pynq.allocate, with the accelerator's rules checked: a 32-bit physical address, a multiple of 128."""
    try:
        buffer = device.allocate(shape, dtype)
    except (RuntimeError, MemoryError, OSError) as error:
        megabytes = np.prod(shape) * np.dtype(dtype).itemsize / 1e6
        raise LstOverlayError(
            f"cannot allocate {megabytes:.1f} MB of contiguous memory ({error}): "
            "use smaller batches, or delete other buffers"
        ) from error
    if buffer.device_address % ALIGNMENT or buffer.device_address + buffer.nbytes > 1 << 32:
        raise LstOverlayError(
            f"a buffer's address must be a multiple of {ALIGNMENT} below 2**32, not 0x{buffer.device_address:X}"
        )
    return buffer


class Batches:
    """Runs batches on one accelerator. Not for concurrent use: the overlay holds the lock."""

    def __init__(self, accelerator: Accelerator, capabilities: Capabilities, device, simulated: bool):
        self._accelerator = accelerator
        self._capabilities = capabilities
        self._device = device
        self._simulated = simulated
        self._sets: List[Buffers] = []

    def timeout(self, images: int, wanted: Optional[float] = None) -> float:
        """Seconds that one command of ``images`` images may take; ``wanted`` if it is given and sensible."""
        if wanted is not None:
            if isinstance(wanted, bool) or not isinstance(wanted, (int, float, np.integer, np.floating)):
                raise TypeError(f"timeout must be a number of seconds, not {type(wanted).__name__}")
            if not (np.isfinite(wanted) and wanted > 0):
                raise ValueError(f"timeout must be a positive, finite number of seconds, not {wanted}")
            return float(wanted)
        return (TIMEOUT_S + TIMEOUT_PER_IMAGE_S * images) * (
            SIMULATED_TIMEOUT_FACTOR if self._simulated else 1.0
        )

    def load(self, words: np.ndarray, timeout_s: Optional[float] = None) -> int:
        """(words,) uint32 parameters into the accelerator. Returns NETWORK_HASH as it then reads."""
        timeout_s = self.timeout(1, timeout_s)
        buffer = allocate(self._device, words.shape, np.uint32)
        buffer[:] = words
        buffer.flush()
        self._accelerator.begin()
        try:
            self._accelerator.wait(
                self._accelerator.load(buffer.device_address, timeout_s), timeout_s, "LOAD"
            )
        except BaseException as error:
            self._recover(error)
            raise
        return self._accelerator.registers.read("NETWORK_HASH")

    def run(self, images: np.ndarray, mode: int, timeout_s: Optional[float] = None) -> np.ndarray:
        """(N, pixels) uint8 -> results of N images, two commands in flight. timeout_s: seconds for each command."""
        return self._run(images, mode, CHUNK_IMAGES, 2, timeout_s)[0]

    def measure(
        self,
        images: np.ndarray,
        mode: int,
        timeout_s: Optional[float] = None,
        chunk_images: int = PROFILE_CHUNK_IMAGES,
    ) -> tuple:
        """As `run`, one command at a time, since a later command's end overwrites the counters. (results, Measurement)."""
        return self._run(images, mode, chunk_images, 1, timeout_s)

    def release(self) -> None:
        """Give the buffers back."""
        self._sets = []

    def _run(
        self, images: np.ndarray, mode: int, chunk_images: int, depth: int, timeout_s: Optional[float]
    ) -> tuple:
        chunk_images = min(chunk_images, len(images))
        depth = min(depth, -(-len(images) // chunk_images))
        timeout_s = self.timeout(chunk_images, timeout_s)
        self._reserve(depth, chunk_images)
        results: List[np.ndarray] = []
        totals: Dict[str, int] = {"cycles": 0, "stall_input_cycles": 0, "stall_output_cycles": 0}
        wall_s = 0.0
        waiting: deque = deque()

        def finish() -> None:
            nonlocal wall_s
            number, ticket, first, count, begun = waiting.popleft()
            self._accelerator.wait(ticket, timeout_s, f"batch of {count} images from image {first}")
            wall_s += time.perf_counter() - begun
            if depth == 1:
                for name, cycles in self._accelerator.counters().items():
                    totals[name] += cycles
            results.append(self._sets[number].read(mode, count))

        self._accelerator.begin()
        try:
            for number, first in enumerate(range(0, len(images), chunk_images)):
                if len(waiting) == depth:
                    finish()
                chunk = images[first : first + chunk_images]
                number %= depth  # no name for the buffers: an exception's traceback would keep them
                self._sets[number].fill(chunk)
                begun = time.perf_counter()
                ticket = self._accelerator.start(*self._sets[number].addresses, len(chunk), mode, timeout_s)
                waiting.append((number, ticket, first, len(chunk), begun))
            while waiting:
                finish()
        except (
            BaseException
        ) as error:  # KeyboardInterrupt too: nothing may run on in buffers that are filled anew
            self._recover(error)
            raise
        return results[0] if len(results) == 1 else np.concatenate(results), Measurement(
            len(results), wall_s=wall_s, **totals
        )

    def _reserve(self, depth: int, images: int) -> None:
        for index in range(depth):
            if index == len(self._sets):
                self._sets.append(Buffers(self._device, self._capabilities, images))
            elif self._sets[index].images < images:
                del self._sets[index:]  # given back before the larger one is asked for
                self._sets.append(Buffers(self._device, self._capabilities, images))

    def _recover(self, error: BaseException) -> None:
        """After ``error``: leave the accelerator idle, or say that this failed too."""
        try:
            self._accelerator.soft_reset()
        except LstOverlayError as second:
            message = (
                f"{error or type(error).__name__}\nThe soft reset that followed failed as well: {second}\n"
                "Download the bitstream again: overlay.download()"
            )
            if isinstance(error, HardwareTimeout):
                raise HardwareTimeout(message) from error
            raise HardwareError(message, getattr(error, "code", 0), getattr(error, "address", 0)) from error
