"""Batches on the accelerator, in chunks.

One set of buffers is filled while the hardware works on the other.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ..errors import BitstreamError, HardwareError, HardwareTimeout, LstOverlayError
from ..registers import ALIGNMENT, ResultMode
from .accelerator import Accelerator
from .capabilities import Capabilities
from .prepared_network import PreparedNetwork

CHUNK_IMAGES = 4096  # Python's overhead for a command is then a few nanoseconds per image.
# A test set of 10,000 images fits one START, so cycles per image are counted over the whole batch.
PROFILE_CHUNK_IMAGES = 16384
# The time-out is about 200 times what the hardware needs. The simulated board runs at 1 % of the clock.
TIMEOUT_S = 2.0
TIMEOUT_PER_IMAGE_S = 1e-3
SIMULATED_TIMEOUT_FACTOR = 10.0


class Measurement(NamedTuple):
    """Clock cycles and time of a batch.

    starts: number of START commands. The cycle counts are summed over them, each from START accepted to DONE.
    wall_s: seconds of wall clock from START to DONE, summed over the commands.
    """

    starts: int
    cycles: int
    stall_input_cycles: int
    stall_output_cycles: int
    wall_s: float


class Buffers:
    """Contiguous memory for at most ``images`` images, in the engine's layout, and for their results.

    Raises LstOverlayError if the memory cannot be allocated.
    """

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
            self.pixels = []  # The exception's traceback must not keep the buffers alive.
            raise

    @property
    def addresses(self) -> Tuple[List[int], int]:
        """The values of the registers (SOURCE, and SOURCE_1 with two ports) and DESTINATION."""
        sources = self.layout.sources([buffer.device_address for buffer in self.pixels])
        return sources, self.results.device_address

    def fill(self, images: np.ndarray) -> None:
        """Write (N, pixels) uint8 images to memory in the engine's layout and flush the processor's cache."""
        self.layout.fill(images, [np.asarray(buffer)[: len(images)] for buffer in self.pixels])
        for buffer in self.pixels:
            (buffer if len(images) == self.images else buffer[: len(images)]).flush()

    def read(self, mode: int, images: int) -> np.ndarray:
        """Copy the results out of memory, as `ResultRecord.unpack` does: classes or logits, by ``mode``."""
        part = self.results[: self._record.bytes(mode, images)]
        part.invalidate()
        return self._record.unpack(mode, np.asarray(part), images)


def allocate(device, shape, dtype):
    """Allocate a pynq buffer of contiguous memory of ``shape`` and ``dtype``.

    Raises LstOverlayError if there is no such memory, or its physical address is not a multiple of 128 below
    2^32.
    """
    try:
        buffer = device.allocate(shape, dtype)
    except (RuntimeError, MemoryError, OSError) as error:
        megabytes = math.prod(shape) * np.dtype(dtype).itemsize / 1e6
        raise LstOverlayError(
            f"cannot allocate {megabytes:.1f} MB of contiguous memory ({error}): "
            "use smaller batches, or delete other buffers"
        ) from error
    if buffer.device_address % ALIGNMENT or buffer.device_address + buffer.nbytes > 1 << 32:
        raise LstOverlayError(
            f"a buffer's address must be a multiple of {ALIGNMENT} below 2**32, "
            f"not 0x{buffer.device_address:X}"
        )
    return buffer


class Batches:
    """Run LOAD and batches on one accelerator.

    The class is not thread-safe: the overlay that owns it holds a lock during every call.
    """

    def __init__(self, accelerator: Accelerator, capabilities: Capabilities, device, simulated: bool):
        self._accelerator = accelerator
        self._capabilities = capabilities
        self._device = device
        self._simulated = simulated
        self._sets: List[Buffers] = []

    def timeout(self, images: int, wanted: Optional[float] = None) -> float:
        """Return the time-out in seconds of one command of ``images`` images; ``wanted`` if it is not None.

        Raises TypeError or ValueError unless ``wanted`` is a positive, finite number.
        """
        if wanted is not None:
            if isinstance(wanted, bool) or not isinstance(wanted, (int, float, np.integer, np.floating)):
                raise TypeError(f"timeout must be a number of seconds, not {type(wanted).__name__}")
            try:
                seconds = float(wanted)
            except OverflowError:
                seconds = float("inf")
            if not (np.isfinite(seconds) and seconds > 0):
                raise ValueError(f"timeout must be a positive, finite number of seconds, not {wanted}")
            return seconds
        return (TIMEOUT_S + TIMEOUT_PER_IMAGE_S * images) * (
            SIMULATED_TIMEOUT_FACTOR if self._simulated else 1.0
        )

    def load(self, prepared: PreparedNetwork, timeout_s: Optional[float] = None) -> None:
        """Send a network to the accelerator by LOAD, which may take ``timeout_s`` seconds.

        Raises BitstreamError if the engine takes another number of bytes, HardwareError if NETWORK_HASH shows
        that the parameters did not arrive intact.
        """
        name, words, registers = prepared.network.name, prepared.words, self._accelerator.registers
        parameter_bytes = registers.read("PARAMETER_BYTES")
        if parameter_bytes != words.nbytes:
            raise BitstreamError(
                f"the accelerator takes {parameter_bytes} bytes of parameters, "
                f"network {name!r} has {words.nbytes}"
            )
        timeout_s = self.timeout(1, timeout_s)
        try:
            buffer = allocate(self._device, words.shape, np.uint32)
        except LstOverlayError:
            if not self._sets:
                raise
            self.release()  # The next batch allocates its buffers anew.
            buffer = allocate(self._device, words.shape, np.uint32)
        buffer[:] = words
        buffer.flush()
        self._accelerator.begin()
        with self._recovering():
            ticket = self._accelerator.load(buffer.device_address, timeout_s)
            self._accelerator.wait(ticket, timeout_s, "LOAD")
        found = registers.read("NETWORK_HASH")
        if found != prepared.hash:
            raise HardwareError(
                f"network {name!r} did not arrive as sent: NETWORK_HASH reads 0x{found:08X}, "
                f"the parameters' CRC-32 is 0x{prepared.hash:08X}"
            )

    def run(self, images: np.ndarray, mode: int, timeout_s: Optional[float] = None) -> np.ndarray:
        """Run (N, pixels) uint8 images and return their results as `Buffers.read` does.

        One command is queued while another runs. Each may take ``timeout_s`` seconds.
        """
        return self._run(images, mode, CHUNK_IMAGES, 2, timeout_s)[0]

    def measure(
        self,
        images: np.ndarray,
        mode: int,
        timeout_s: Optional[float] = None,
        chunk_images: int = PROFILE_CHUNK_IMAGES,
    ) -> tuple:
        """Run images as `run` does and return (results, Measurement).

        Commands run one at a time, since the end of the next command would overwrite the cycle counters.
        """
        with self.room_for(min(chunk_images, len(images))):
            return self._run(images, mode, chunk_images, 1, timeout_s)

    @contextmanager
    def room_for(self, images: int):
        """Have buffers for that many images in one command. Those too large for `run` are released after it.

        Raises LstOverlayError if the memory cannot be allocated.
        """
        self._reserve(1, images)
        try:
            yield
        finally:
            self._sets = [buffers for buffers in self._sets if buffers.images <= CHUNK_IMAGES]

    def release(self) -> None:
        """Release all buffers."""
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
        # KeyboardInterrupt is covered too: no command may still run in buffers that are filled again.
        with self._recovering():
            for number, first in enumerate(range(0, len(images), chunk_images)):
                if len(waiting) == depth:
                    finish()
                chunk = images[first : first + chunk_images]
                # Buffers are only indexed: an exception's traceback would keep a local variable alive.
                number %= depth
                self._sets[number].fill(chunk)
                begun = time.perf_counter()
                ticket = self._accelerator.start(*self._sets[number].addresses, len(chunk), mode, timeout_s)
                waiting.append((number, ticket, first, len(chunk), begun))
            while waiting:
                finish()
        return results[0] if len(results) == 1 else np.concatenate(results), Measurement(
            len(results), wall_s=wall_s, **totals
        )

    def _reserve(self, depth: int, images: int) -> None:
        if any(buffers.images < images for buffers in self._sets[:depth]):
            self.release()  # Release the small buffers before the larger ones are allocated.
        while len(self._sets) < depth:
            self._sets.append(Buffers(self._device, self._capabilities, images))

    @contextmanager
    def _recovering(self):
        """On any exception, reset the accelerator before the exception goes on.

        If the soft reset fails too, raise HardwareTimeout or HardwareError with both messages instead.
        """
        try:
            yield
        except BaseException as error:
            try:
                self._accelerator.soft_reset()
            except LstOverlayError as second:
                message = (
                    f"{error or type(error).__name__}\n"
                    f"The soft reset that followed failed as well: {second}\n"
                    "Download the bitstream again: overlay.download()"
                )
                if isinstance(error, HardwareTimeout):
                    raise HardwareTimeout(message) from error
                code, address = getattr(error, "code", 0), getattr(error, "address", 0)
                raise HardwareError(message, code, address) from error
            raise
