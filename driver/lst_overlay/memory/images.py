"""How images lie in memory: as uint8 or packed to the bits that the network looks at, for one HP port or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from ..registers import ALIGNMENT, BEAT_BYTES

GROUP = 8  # consecutive images that one port reads where uint8 images are interleaved over two ports
_BLOCK = 256  # images packed at a time: the block stays in the processor's cache
_PORTS = {0: (1, 2), 2: (1,), 4: (2,)}  # by packed_bits


def checked_images(images, shape: Tuple[int, ...]) -> np.ndarray:
    """(N, *shape) or (N, pixels) uint8, N >= 1 -> (N, pixels), a view where possible.

    TypeError for what is not a NumPy array of uint8, ValueError for another shape or an empty batch.
    """
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a numpy array, not {type(images).__name__}")
    if images.dtype != np.uint8:
        nan = ""
        if images.dtype.kind == "f" and np.isnan(images).any():
            nan = f" (and {int(np.isnan(images).sum())} of {images.size} values are NaN)"
        remedy = ""
        if images.dtype.kind == "f" and not nan:
            remedy = "; of 0..1 make them by (255 * images).round().astype('uint8')"
        raise TypeError(f"images must be uint8 pixels 0..255, not {images.dtype}{nan}{remedy}")
    pixels = int(np.prod(shape))
    if images.shape[1:] not in (shape, (pixels,)):
        axes = ", ".join(map(str, shape))
        single = ": for a single image pass images[None]" if images.shape in (shape, (pixels,)) else ""
        raise ValueError(f"images must have shape (N, {axes}) or (N, {pixels}), not {images.shape}{single}")
    if len(images) == 0:
        raise ValueError("images must hold at least one image, not 0")
    return images.reshape(len(images), pixels)


@dataclass(frozen=True)
class ImageLayout:
    """Where the pixels of images of ``shape``, (rows, columns) or (rows, columns, colours), lie in memory.

    packed_bits 0: uint8, the array itself; with two ports, groups of GROUP images are interleaved over them.
    packed_bits 2 or 4: each port reads one beat per row, the leftmost pixel in the lowest bits; of two ports the
    first has the left half of the rows, and each has a buffer of its own. Raises ValueError for what no engine has.
    """

    shape: Tuple[int, ...]
    ports: int = 1
    packed_bits: int = 0

    def __post_init__(self):
        if self.ports not in _PORTS.get(self.packed_bits, ()):
            raise ValueError(
                "packed pixels have 2 bits and one port or 4 bits and two, uint8 pixels one or two ports, not "
                f"{self.packed_bits} bits and {self.ports} ports"
            )
        if self.packed_bits:
            bits, unit = self.shape[-1] * self.packed_bits, 8 * self.ports
            if len(self.shape) != 2 or bits % unit or bits > BEAT_BYTES * unit:
                raise ValueError(
                    f"packed rows must fill whole bytes of one beat of each of {self.ports} ports; images of shape "
                    f"{self.shape} with {self.packed_bits}-bit pixels do not"
                )
        elif self.image_bytes % (ALIGNMENT // GROUP if self.interleaved else BEAT_BYTES):
            raise ValueError(
                f"uint8 images must fill whole beats of {BEAT_BYTES} bytes, and {GROUP} of them whole bursts of "
                f"{ALIGNMENT} bytes where they are interleaved; shape {self.shape} has {self.image_bytes} bytes"
            )

    @property
    def name(self) -> str:
        """'uint8' or 'packed', as reports say it."""
        return "packed" if self.packed_bits else "uint8"

    @property
    def hp_ports(self) -> Tuple[int, ...]:
        """HP0 and HP1 share a port of the DDR controller, so the second is HP2."""
        return (0, 2)[: self.ports]

    @property
    def interleaved(self) -> bool:
        """Whether one array of uint8 images is read through two ports, group by group."""
        return not self.packed_bits and self.ports == 2

    @property
    def image_bytes(self) -> int:
        """Bytes of an image as a uint8 array."""
        return int(np.prod(self.shape))

    @property
    def beats_per_image(self) -> int:
        """Beats of an image on each port that reads it."""
        return self.shape[0] if self.packed_bits else self.image_bytes // BEAT_BYTES

    @property
    def skip_bursts(self) -> int:
        """Bursts of the other port between two groups of this one."""
        return GROUP * self.image_bytes // ALIGNMENT if self.interleaved else 0

    @property
    def buffers(self) -> int:
        """Number of stretches of memory that hold a batch, of `bytes_per_image` bytes for each image."""
        return self.ports if self.packed_bits else 1

    @property
    def bytes_per_image(self) -> int:
        return BEAT_BYTES * self.beats_per_image

    def sources(self, addresses: List[int]) -> List[int]:
        """Values of the registers SOURCE and, with two ports, SOURCE_1, for buffers at ``addresses``."""
        return [addresses[0], addresses[0] + GROUP * self.image_bytes] if self.interleaved else addresses

    def fill(self, images: np.ndarray, buffers: List[np.ndarray]) -> None:
        """(N, pixels) uint8 -> the buffers, each (N, bytes_per_image) uint8."""
        if not self.packed_bits:
            buffers[0][:] = images
            return
        rows, columns = self.shape
        row_bytes = columns * self.packed_bits // 8 // self.ports
        # Packed in ordinary memory first: a board's buffers are not cached, and take whole lines faster than bytes.
        beats = np.zeros((min(_BLOCK, len(images)) * rows, BEAT_BYTES), np.uint8)
        for first in range(0, len(images), _BLOCK):
            packed_rows = packed(images[first : first + _BLOCK].reshape(-1, columns), self.packed_bits)
            for number, buffer in enumerate(buffers):
                beats[: len(packed_rows), :row_bytes] = packed_rows[
                    :, number * row_bytes : (number + 1) * row_bytes
                ]
                buffer[first : first + _BLOCK] = beats[: len(packed_rows)].reshape(-1, self.bytes_per_image)


def packed(pixels: np.ndarray, bits: int) -> np.ndarray:
    """(N, pixels) uint8 -> (N, pixels * bits / 8) uint8: the highest 2 or 4 bits of each pixel, the first lowest.

    The result is a view of an array of this function's own.
    """
    pixels = np.ascontiguousarray(pixels)
    if bits == 2:  # four pixels at a time: the multiplication brings their bits together in the highest byte
        words = pixels.view("<u4") >> 6
        words &= 0x03030303
        words *= np.uint32(1 << 24 | 1 << 18 | 1 << 12 | 1 << 6)
        return words.view(np.uint8)[:, 3::4]
    words = pixels.view("<u2") >> 4
    words &= 0x0F0F
    words |= words >> 4
    return words.view(np.uint8)[:, ::2]
