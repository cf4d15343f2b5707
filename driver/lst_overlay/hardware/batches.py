"""Batches on the accelerator, in chunks.

One set of buffers is filled while the hardware works on the other.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from contextlib import contextmanager, nullcontext
from typing import Callable, Dict, List, NamedTuple, Optional, TypeVar, Union

import numpy as np

from ..errors import BitstreamError, HardwareError, HardwareTimeout, LstOverlayError
from .accelerator import Accelerator
from .capabilities import Capabilities
from .device_images import DeviceImages, allocate
from .prepared_network import PreparedNetwork

CHUNK_IMAGES = 4096  # Python's overhead for a command is then a few nanoseconds per image.
# A test set of 10,000 images fits one START, so cycles per image are counted over the whole batch.
PROFILE_CHUNK_IMAGES = 16384
# The time-out is about 200 times what the hardware needs, more for an image of an engine that takes
# more than 1,000 cycles for it. The simulated board runs at 1 % of the clock.
TIMEOUT_S = 2.0
TIMEOUT_PER_IMAGE_S = 1e-3
TIMEOUT_PER_CYCLE_S = 1e-6
SIMULATED_TIMEOUT_FACTOR = 10.0

Images = Union[np.ndarray, DeviceImages]
Made = TypeVar("Made")


class Measurement(NamedTuple):
    """Clock cycles and time of a batch.

    starts:  number of START commands.
    cycles:  clock cycles from START accepted to DONE, summed over the commands; 0 where commands overlapped,
             as are the other two counts.
    wall_s:  seconds of wall clock from START to DONE, summed over the commands.
    whole_s: seconds of wall clock of the whole batch, with the copying of images and results.
    """

    starts: int
    cycles: int
    stall_input_cycles: int
    stall_output_cycles: int
    wall_s: float
    whole_s: float


class Batches:
    """Run LOAD and batches on one accelerator.

    The class is not thread-safe: the overlay that owns it holds a lock during every call.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        capabilities: Capabilities,
        device,
        simulated: bool,
        cycles_per_image: int,
    ):
        self._accelerator = accelerator
        self._cycles_per_image = cycles_per_image
        self._design = self._capabilities = capabilities
        self._device = device
        self._simulated = simulated
        self._sets: List[DeviceImages] = []  # The memory for images that come as arrays.
        # Of the images that `allocate` made and somebody still has.
        self._allocations: weakref.WeakSet = weakref.WeakSet()

    def allocate(self, images: int) -> DeviceImages:
        """Allocate memory that the caller owns. `run` and `measure` take it, and `close` gives it back."""
        made = DeviceImages(self._device, self._capabilities, images)
        self._allocations.add(made.allocation)
        return made

    def with_room(self, make: Callable[[], Made]) -> Made:
        """Return make(), which allocates memory. If there is none, release `run`'s and try once more."""
        try:
            return make()
        except LstOverlayError:
            if not self._sets:
                raise
            self.release()  # The next batch allocates its buffers anew.
            return make()

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
        image_s = max(TIMEOUT_PER_IMAGE_S, TIMEOUT_PER_CYCLE_S * self._cycles_per_image)
        return (TIMEOUT_S + image_s * images) * (SIMULATED_TIMEOUT_FACTOR if self._simulated else 1.0)

    def load(self, prepared: PreparedNetwork, timeout_s: Optional[float] = None) -> None:
        """Send a network to the accelerator by LOAD, which may take ``timeout_s`` seconds.

        Raises BitstreamError if the engine takes fewer bytes, HardwareError if NETWORK_HASH shows
        that the parameters did not arrive intact.
        """
        name, words, registers = prepared.network.name, prepared.words, self._accelerator.registers
        parameter_bytes = registers.read("PARAMETER_BYTES")
        if parameter_bytes < words.nbytes:
            raise BitstreamError(
                f"the accelerator takes {parameter_bytes} bytes of parameters, "
                f"network {name!r} has {words.nbytes}"
            )
        timeout_s = self.timeout(1, timeout_s)
        buffer = self.with_room(
            lambda: allocate(self._device, (parameter_bytes // words.itemsize,), np.uint32)
        )
        buffer[: len(words)] = words  # the accelerator ignores what follows
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
        capabilities = self._design.of_network(prepared.network)
        if capabilities != self._capabilities:
            self.release()
            self._capabilities = capabilities

    def run(self, images: Images, mode: int, timeout_s: Optional[float] = None) -> np.ndarray:
        """Run images and return their results as `DeviceImages.read` does.

        images: (N, pixels) uint8, or images in device memory that `allocate` made.

        One command is queued while another runs. Each may take ``timeout_s`` seconds.
        """
        return self._run(images, mode, CHUNK_IMAGES, 2, timeout_s)[0]

    def measure(
        self,
        images: Images,
        mode: int,
        timeout_s: Optional[float] = None,
        chunk_images: int = PROFILE_CHUNK_IMAGES,
    ) -> tuple:
        """Run images as `run` does and return (results, Measurement).

        Commands run one at a time, since the end of the next command would overwrite the cycle counters.
        """
        try:
            return self._run(images, mode, chunk_images, 1, timeout_s)
        finally:
            self.release(larger_than=CHUNK_IMAGES)

    def timed(self, images: np.ndarray, mode: int, timeout_s: Optional[float] = None) -> Measurement:
        """Return the Measurement of `run`. Simulated time needs cycles: there commands run one at a time."""
        return self._run(images, mode, CHUNK_IMAGES, 1 if self._simulated else 2, timeout_s)[1]

    def release(self, larger_than: int = 0) -> None:
        """Give back the memory for arrays, as far as it is for more than ``larger_than`` images at a time."""
        for buffers in self._sets:
            if len(buffers) > larger_than:
                buffers.freebuffer()
        self._sets = [buffers for buffers in self._sets if not buffers.freed]

    def close(self) -> None:
        """Give back all memory, also that which `allocate` made."""
        self.release()
        for allocation in list(self._allocations):
            allocation.buffers.clear()

    def _run(
        self, images: Images, mode: int, chunk_images: int, depth: int, timeout_s: Optional[float]
    ) -> tuple:
        chunk_images = min(chunk_images, len(images))
        depth = min(depth, -(-len(images) // chunk_images))
        timeout_s = self.timeout(chunk_images, timeout_s)
        if isinstance(images, DeviceImages):
            self._check_owned(images)
            memory = images.in_use()
        else:
            self._reserve(depth, chunk_images)
            memory = nullcontext()
        results: List[np.ndarray] = []
        totals: Dict[str, int] = {"cycles": 0, "stall_input_cycles": 0, "stall_output_cycles": 0}
        wall_s = 0.0
        waiting: deque = deque()

        def finish() -> None:
            nonlocal wall_s
            chunk, ticket, first, begun = waiting.popleft()
            self._accelerator.wait(ticket, timeout_s, f"batch of {len(chunk)} images from image {first}")
            wall_s += time.perf_counter() - begun
            if depth == 1:
                for name, cycles in self._accelerator.counters().items():
                    totals[name] += cycles
            results.append(chunk.read(mode))

        whole_begun = time.perf_counter()
        self._accelerator.begin()
        # KeyboardInterrupt is covered too: no command may still run in buffers that are filled again.
        with memory, self._recovering():
            for number, first in enumerate(range(0, len(images), chunk_images)):
                if len(waiting) == depth:
                    finish()
                chunk = self._placed(images[first : first + chunk_images], number % depth)
                begun = time.perf_counter()
                ticket = self._accelerator.start(*chunk.addresses, len(chunk), mode, timeout_s)
                waiting.append((chunk, ticket, first, begun))
            while waiting:
                finish()
            answers = results[0] if len(results) == 1 else np.concatenate(results)
        whole_s = time.perf_counter() - whole_begun
        return answers, Measurement(len(results), wall_s=wall_s, whole_s=whole_s, **totals)

    def _check_owned(self, images: DeviceImages) -> None:
        if not images.freed and images.allocation not in self._allocations:
            raise ValueError(
                "images in device memory must be those of this overlay's allocate or pack, "
                f"not {images!r} of another overlay: pack them with this one"
            )
        found, present = images.allocation, self._capabilities
        if not images.freed and (found.layout, found.record) != (present.layout, present.record):
            raise ValueError(
                f"images in device memory were allocated for shape {found.layout.shape} and "
                f"{found.record.classes} classes, the network has shape {present.layout.shape} and "
                f"{present.record.classes} classes: pack them again"
            )

    def _placed(self, chunk: Images, number: int) -> DeviceImages:
        """Return a chunk in device memory, where it is or copied to set ``number``, with caches flushed."""
        if isinstance(chunk, DeviceImages):
            placed = chunk
        else:
            placed = self._sets[number][: len(chunk)]
            placed.write(chunk)
        placed.flush()
        return placed

    def _reserve(self, depth: int, images: int) -> None:
        if any(len(buffers) < images for buffers in self._sets[:depth]):
            self.release()  # Release the small buffers before the larger ones are allocated.
        while len(self._sets) < depth:
            self._sets.append(DeviceImages(self._device, self._capabilities, images))

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
