"""Contiguous memory that the accelerator reads and writes: images in the engine's layout, and results."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import Iterator, List, Tuple

import numpy as np

from ..errors import LstOverlayError
from ..memory.images import ImageLayout, checked_images
from ..registers import ALIGNMENT, BURST_BEATS
from .capabilities import Capabilities

# Images and result records fill whole beats, so this many of them fill whole bursts.
PART_IMAGES = BURST_BEATS
ADDRESS_SPACE_BYTES = 1 << 32


def allocate(device, shape, dtype):
    """Allocate a pynq buffer of contiguous memory of ``shape`` and ``dtype``.

    Raises LstOverlayError if there is no such memory, or its physical address is not a multiple of 128 below
    2^32.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        if size > ADDRESS_SPACE_BYTES:
            raise MemoryError("addresses have 32 bits")
        buffer = device.allocate(shape, dtype)
    except (RuntimeError, MemoryError, OSError) as error:
        raise LstOverlayError(
            f"cannot allocate {size / 1e6:.1f} MB of contiguous memory ({error}): "
            "use smaller batches, or delete other buffers"
        ) from error
    if buffer.device_address % ALIGNMENT or buffer.device_address + buffer.nbytes > ADDRESS_SPACE_BYTES:
        raise LstOverlayError(
            f"a buffer's address must be a multiple of {ALIGNMENT} below 2**32, "
            f"not 0x{buffer.device_address:X}"
        )
    return buffer


class Allocation:
    """The buffers of images: one or two for the pixels, and one for the results.

    Emptying the list ``buffers`` gives the memory back, even while somebody still refers to the images, such
    as the traceback of an exception.
    """

    def __init__(self, device, capabilities: Capabilities, images: int):
        self.layout, self.record = capabilities.layout, capabilities.record
        self.buffers: List = []
        sizes = [self.layout.bytes_per_image] * self.layout.buffers + [self.record.dtype.itemsize]
        try:
            for image_bytes in sizes:
                self.buffers.append(allocate(device, (images, image_bytes), np.uint8))
        except BaseException:
            self.buffers.clear()
            raise


class DeviceImages:
    """Images in the board's contiguous memory, in the engine's layout, with room for their results.

    An overlay's `allocate` and `pack` make them; `predict`, `logits` and `throughput_test` take
    them, and the accelerator reads them where they are. ``images[first:last]`` is a part of them in the same
    memory, which begins at a multiple of 16 images.

    The memory is given back by `freebuffer`, at the end of a ``with`` block, when the last reference goes,
    and by the overlay's `free` and `download`.
    """

    def __init__(self, device, capabilities: Capabilities, images: int):
        """Allocate memory for ``images`` images. Raises LstOverlayError if there is not so much."""
        self.allocation = Allocation(device, capabilities, images)
        self._first, self._last = 0, images

    def __len__(self) -> int:
        return self._last - self._first

    def __getitem__(self, part: slice) -> DeviceImages:
        if not isinstance(part, slice):
            raise TypeError(
                f"parts of images in device memory are slices, such as images[:16], not {part!r}; "
                "the pixels are in .memory"
            )
        first, last, step = part.indices(len(self))
        if step != 1 or first % PART_IMAGES or first >= last:
            raise ValueError(
                "a part of images in device memory must hold consecutive images, at least one, and begin at "
                f"a multiple of {PART_IMAGES}: not images[{first}:{last}:{step}]"
            )
        if last - first == len(self):
            return self
        made = object.__new__(DeviceImages)
        made.allocation, made._first, made._last = self.allocation, self._first + first, self._first + last
        return made

    def __enter__(self) -> DeviceImages:
        return self

    def __exit__(self, *_) -> None:
        self.freebuffer()

    def __repr__(self) -> str:
        layout, state = self.layout, ", freed" if self.freed else ""
        return f"DeviceImages({len(self)} images of shape {layout.shape}, {layout.name}{state})"

    @property
    def freed(self) -> bool:
        """Whether the memory was given back. Every use of such images raises LstOverlayError."""
        return not self.allocation.buffers

    @property
    def layout(self) -> ImageLayout:
        """The format of the images in this memory."""
        return self.allocation.layout

    @property
    def memory(self) -> Tuple[np.ndarray, ...]:
        """The pixels as pynq buffers, each (N, layout.bytes_per_image) uint8.

        There are one or two: of two, each has a half of every row, or every second row.

        Whatever writes them need not flush the caches: that is done before the accelerator reads.
        """
        return tuple(self._part(number) for number in range(self.layout.buffers))

    @property
    def addresses(self) -> Tuple[List[int], int]:
        """The values of the registers (SOURCE, and SOURCE_1 with several ports) and DESTINATION."""
        *pixels, results = (
            buffer.device_address + self._first * buffer.shape[1] for buffer in self._buffers()
        )
        return self.layout.sources(pixels), results

    def fill(self, images: np.ndarray) -> None:
        """Write images, (N, *layout.shape) or (N, pixels) uint8, packed if the engine needs them packed.

        N must be the number of images here: a smaller batch is ``images[:n].fill(...)``. Raises TypeError or
        ValueError for anything else.
        """
        images = checked_images(images, self.layout.shape)
        if len(images) != len(self):
            raise ValueError(f"fill takes {len(self)} images, not {len(images)}: fill a part, images[:n]")
        self.write(images)

    def write(self, images: np.ndarray) -> None:
        """Do what `fill` does with (N, pixels) uint8 images that were checked."""
        span = slice(self._first, self._last)
        pixels = self._buffers()[: self.layout.buffers]
        self.layout.fill(images, [np.asarray(buffer)[span] for buffer in pixels])

    def flush(self) -> None:
        """Write the processor's cached pixels to memory, where the accelerator reads them."""
        for number in range(self.layout.buffers):
            self._part(number).flush()

    def read(self, mode: int) -> np.ndarray:
        """Copy the results out of memory, as `ResultRecord.unpack` does: classes or logits, by ``mode``."""
        return self.allocation.record.unpack(mode, self._results(mode), len(self))

    def freebuffer(self) -> None:
        """Give the memory back, also that of the parts, as soon as no array and no running batch uses it."""
        self.allocation.buffers.clear()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the memory, even if another thread calls `freebuffer` while the accelerator uses it."""
        kept = list(self._buffers())
        try:
            yield
        finally:
            kept.clear()

    def _buffers(self) -> List:
        if self.freed:
            raise LstOverlayError(
                "these images were freed, by freebuffer, by a download or with their overlay: "
                "allocate or pack them again"
            )
        return self.allocation.buffers

    def _part(self, number: int) -> np.ndarray:
        buffer = self._buffers()[number]
        # Slicing a pynq buffer takes longer than the rest of a small batch.
        return buffer if len(self) == len(buffer) else buffer[self._first : self._last]

    def _results(self, mode: int) -> np.ndarray:
        part = self._part(-1).reshape(-1)[: self.allocation.record.bytes(mode, len(self))]
        part.invalidate()
        return np.array(part, subok=False)
