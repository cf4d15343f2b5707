"""How images lie in memory for an engine: as uint8, or packed to the bits that its network looks at; for one HP port or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from ..network.lst.parameters import SIZE

IMAGE_BYTES = SIZE * SIZE
BEAT_BYTES = 8  # of an HP port
BURST_BYTES = 128
ROW_BYTES = 7  # of packed pixels in a beat; the eighth is 0
_BLOCK = 256  # images packed at a time: what they are packed in stays in the cache
GROUP = (
    8  # uint8 images that lie together for one port when two take turns: the fewest that fill whole bursts
)


@dataclass(frozen=True)
class ImageLayout:
    """packed_bits 0: uint8, the array itself; two ports take turns of GROUP images.

    packed_bits 2 or 4: a row is a beat for each port, the leftmost pixel lowest; of two ports the first has the left half, and each
    has a buffer of its own. Raises ValueError for what no engine has.
    """

    ports: int = 1
    packed_bits: int = 0

    def __post_init__(self):
        if self.ports not in {0: (1, 2), 2: (1,), 4: (2,)}.get(self.packed_bits, ()):
            raise ValueError(
                f"packed pixels have 2 bits and one port or 4 bits and two, uint8 pixels one or two ports, not "
                f"{self.packed_bits} bits and {self.ports} ports"
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
    def take_turns(self) -> bool:
        return not self.packed_bits and self.ports == 2

    @property
    def beats_per_image(self) -> int:
        """Of a port that reads it."""
        return SIZE if self.packed_bits else IMAGE_BYTES // BEAT_BYTES

    @property
    def skip_bursts(self) -> int:
        """Bursts of the other port between two turns of this one."""
        return GROUP * IMAGE_BYTES // BURST_BYTES if self.take_turns else 0

    @property
    def buffers(self) -> int:
        """Stretches of memory that hold a batch, of `bytes_per_image` bytes for each image."""
        return self.ports if self.packed_bits else 1

    @property
    def bytes_per_image(self) -> int:
        return BEAT_BYTES * self.beats_per_image

    def sources(self, addresses: List[int]) -> List[int]:
        """Values of the registers SOURCE and, with two ports, SOURCE_1, for buffers at ``addresses``."""
        return [addresses[0], addresses[0] + GROUP * IMAGE_BYTES] if self.take_turns else addresses

    def fill(self, images: np.ndarray, buffers: List[np.ndarray]) -> None:
        """(N, 784) uint8 pixels -> the buffers, each (N, bytes_per_image) uint8."""
        if not self.packed_bits:
            buffers[0][:] = images
            return
        # Packed in ordinary memory first: a board's buffers are not cached, and take whole lines faster than bytes.
        beats = np.zeros((min(_BLOCK, len(images)) * SIZE, BEAT_BYTES), np.uint8)
        for first in range(0, len(images), _BLOCK):
            rows = packed(images[first : first + _BLOCK].reshape(-1, SIZE), self.packed_bits)
            for number, buffer in enumerate(buffers):
                beats[: len(rows), :ROW_BYTES] = rows[:, number * ROW_BYTES : (number + 1) * ROW_BYTES]
                buffer[first : first + _BLOCK] = beats[: len(rows)].reshape(-1, self.bytes_per_image)


def packed(pixels: np.ndarray, bits: int) -> np.ndarray:
    """(N, pixels) uint8 -> (N, pixels * bits / 8) uint8, a view: the highest 2 or 4 bits of each pixel, the first pixel lowest."""
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
