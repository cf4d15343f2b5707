"""The layout of images in memory: uint8 or packed, for one HP port or several."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from ..registers import ALIGNMENT, BEAT_BYTES

GROUP = 8  # Consecutive uint8 images that one of several ports reads: they fill whole bursts.
_BLOCK = 256  # Images that are packed at a time: the block stays in the processor's cache.
_DIGITS = (28, 28)  # the shape of MNIST's images
_PORTS = {0: (1, 2, 4), 2: (2, 4), 4: (4,)}  # Possible numbers of ports for each value of packed_bits.
# HP0 and HP1 share a port of the DDR controller, HP2 and HP3 the other one.
_HP_PORTS = (0, 2, 1, 3)


def checked_images(images, shape: Tuple[int, ...]) -> np.ndarray:
    """Check and flatten images: (N, *shape) or (N, pixels) uint8, N >= 1 -> (N, pixels), a view if possible.

    Flat images of colours are refused: nothing says in which order their values are.

    Raises TypeError for anything but a NumPy array of uint8, ValueError for another shape or an empty batch.
    """
    if not isinstance(images, np.ndarray):
        advice = _advice_on_types(images, shape)
        raise TypeError(f"images must be a numpy array, not {type(images).__name__}{advice}")
    if isinstance(images, np.ma.MaskedArray):
        raise TypeError("images must not be a masked array: fill it, by images.filled(0) for example")
    if images.dtype != np.uint8:
        advice = _advice_on_values(images) if images.size else ""
        raise TypeError(f"images must be uint8 pixels 0..255, not {images.dtype}{advice}")
    if images.shape[1:] not in _shapes(shape):
        allowed = " or ".join(f"(N, {', '.join(map(str, axes))})" for axes in _shapes(shape))
        advice = _advice_on_axes(images.shape, shape)
        raise ValueError(f"images must have shape {allowed}, not {images.shape}{advice}")
    if len(images) == 0:
        raise ValueError("images must hold at least one image, not 0")
    return images.reshape(len(images), int(np.prod(shape)))


def _shapes(shape: Tuple[int, ...]) -> List[Tuple[int, ...]]:
    """The shapes in which one image may come."""
    return [shape] if len(shape) > 2 else [shape, (int(np.prod(shape)),)]


def _advice_on_types(images, shape: Tuple[int, ...]) -> str:
    """How to make an array of what is none: a tensor of torch, a picture or its file."""
    if hasattr(images, "numpy"):
        return ": pass images.numpy()"
    if isinstance(images, (str, os.PathLike)) or type(images).__module__.startswith("PIL."):
        return f": {_converter(shape)} makes an image of a picture"
    return ""


def _converter(shape: Tuple[int, ...]) -> str:
    """The function that makes an image of ``shape`` of a picture. Networks of digits have MNIST's."""
    if len(shape) == 3:
        return "lst_overlay.samples.scene.scene_of"
    return f"lst_overlay.samples.{'photo.digit_of' if shape == _DIGITS else 'thing.image_of'}"


def _advice_on_axes(found: Tuple[int, ...], shape: Tuple[int, ...]) -> str:
    """How to bring an array of shape ``found`` to (N, *shape), if its values are those of images."""
    if found in _shapes(shape):
        return ": for a single image pass images[None]"
    if found[1:] == (1, *shape):
        return ": pass images[:, 0]"
    if len(shape) == 2 and found[1:] == (32, 32, 3):
        return ": ResMLPOverlay takes pictures in colour"
    if len(shape) == 3:
        rows, columns, colours = shape
        planes = (colours, rows, columns)
        if found == planes:
            return (
                ": the colours of a picture come last, so pass images.transpose(1, 2, 0)[None] if it is one"
            )
        if found[1:] == planes:
            return ": the colours come last, so pass images.transpose(0, 2, 3, 1)"
        if found[1:] == (rows * columns * colours,):
            return (
                f": flat images do not say where their colours are; those of CIFAR's files become images by "
                f"reshape(-1, {', '.join(map(str, planes))}).transpose(0, 2, 3, 1)"
            )
    if len(found) == 4 and found[3] in (3, 4):
        return f": {_converter(shape)} makes an image of a picture"
    return ""


def _advice_on_one(found: Tuple[int, ...], shape: Tuple[int, ...]) -> str:
    """How to bring an array of shape ``found`` to ``shape``."""
    if found == (1, *shape):
        return ": pass image[0]"
    if len(shape) == 3 and found == (shape[2], *shape[:2]):
        return ": the colours come last, so pass image.transpose(1, 2, 0)"
    return _advice_on_axes((1, *found), shape) or ": predict takes many"


def _advice_on_values(images: np.ndarray) -> str:
    """How to make pixels of other numbers, by their range; nothing for a range that says nothing."""
    if images.dtype.kind in "iu":
        return "; pass images.astype('uint8')" if 0 <= images.min() and images.max() <= 255 else ""
    if images.dtype.kind != "f":
        return ""
    nans = int(np.isnan(images).sum())
    if nans:
        return f" (and {nans} of {images.size} values are NaN)"
    low, high = images.min(), images.max()
    for least, greatest, pixels in (
        (0, 1, "(255 * images)"),
        (-1, 1, "(127.5 * (images + 1))"),
        (0, 255, "images"),
    ):
        if least <= low and high <= greatest:
            return f"; if they lie in {least}..{greatest}, make them by {pixels}.round().astype('uint8')"
    return f"; they lie in {low:g}..{high:g}"


def checked_image(image, shape: Tuple[int, ...]) -> np.ndarray:
    """Check and flatten one image, ``shape`` or (pixels,) uint8 -> (1, pixels), as `checked_images` does."""
    if isinstance(image, np.ndarray) and image.shape not in _shapes(shape):
        allowed = " or ".join(map(str, _shapes(shape)))
        advice = _advice_on_one(image.shape, shape)
        raise ValueError(f"classify takes one image, {allowed}, not {image.shape}{advice}")
    return checked_images(image[None] if isinstance(image, np.ndarray) else image, shape)


@dataclass(frozen=True)
class ImageLayout:
    """The layout in memory of images of ``shape``, (rows, columns) or (rows, columns, colours).

    packed_bits 0: uint8, the array itself.
    packed_bits 2: a beat is a row, with the leftmost pixel in the lowest bits.
    packed_bits 2 with four ports: there are two buffers, one for the even rows and one for the odd ones, so
                   that two rows arrive at once.
    packed_bits 4: there are two buffers, one for the left half of each row and one for the right half. A beat
                   is half a row.
    padded:        uint8 images of one port are filled up to whole beats.

    Port p reads buffer p % buffers. The ports of a buffer read its stripes one after another: groups of GROUP
    uint8 images, or single bursts of packed pixels.

    Raises ValueError for a layout that no engine has.
    """

    shape: Tuple[int, ...]
    ports: int = 1
    packed_bits: int = 0
    padded: bool = False

    def __post_init__(self):
        if self.ports not in _PORTS.get(self.packed_bits, ()):
            raise ValueError(
                "packed pixels have 2 bits and 2 or 4 ports or 4 bits and 4, uint8 pixels 1, 2 or 4 ports, "
                f"not {self.packed_bits} bits and {self.ports} ports"
            )
        if self.packed_bits:
            bits, unit = self.rows_at_once * self.shape[-1] * self.packed_bits, 8 * self.buffers
            whole = len(self.shape) == 2 and self.shape[0] % self.rows_at_once == 0
            if not whole or bits % unit or bits > BEAT_BYTES * unit:
                raise ValueError(
                    f"packed rows must fill whole bytes of one beat of each of {self.buffers} buffers; "
                    f"images of shape {self.shape} with {self.packed_bits}-bit pixels do not"
                )
        elif not self.padded and self.image_bytes % (ALIGNMENT // GROUP if self.ports > 1 else BEAT_BYTES):
            raise ValueError(
                f"uint8 images must fill whole beats of {BEAT_BYTES} bytes, and {GROUP} of them whole bursts "
                f"of {ALIGNMENT} bytes where there are several ports; "
                f"shape {self.shape} has {self.image_bytes} bytes"
            )

    @property
    def name(self) -> str:
        """The input format in reports, 'uint8' or 'packed'."""
        return "packed" if self.packed_bits else "uint8"

    @property
    def hp_ports(self) -> Tuple[int, ...]:
        """The numbers of the HP ports."""
        return _HP_PORTS[: self.ports]

    @property
    def ports_per_buffer(self) -> int:
        """The number of ports that read a buffer."""
        return self.ports // self.buffers

    @property
    def stripe_bursts(self) -> int:
        """The number of bursts that a port reads before the next port of its buffer reads as many."""
        return 1 if self.packed_bits else GROUP * self.image_bytes // ALIGNMENT

    @property
    def image_bytes(self) -> int:
        """The number of bytes of an image as a uint8 array."""
        return int(np.prod(self.shape))

    @property
    def beats_per_image(self) -> int:
        """The number of beats of an image in each buffer."""
        return self.shape[0] // self.rows_at_once if self.packed_bits else -(-self.image_bytes // BEAT_BYTES)

    @property
    def rows_at_once(self) -> int:
        """The number of packed rows, side by side, whose bits lie at the same place of all buffers."""
        return 2 if (self.packed_bits, self.ports) == (2, 4) else 1

    @property
    def buffers(self) -> int:
        """The number of buffers that hold a batch, each with `bytes_per_image` bytes per image."""
        return self.ports // 2 if self.packed_bits else 1

    @property
    def bytes_per_image(self) -> int:
        """The number of bytes of an image in each buffer."""
        return BEAT_BYTES * self.beats_per_image

    def sources(self, addresses: List[int]) -> List[int]:
        """The values of SOURCE and, with several ports, SOURCE_1, for buffers at ``addresses``."""
        return [addresses[port % self.buffers] + self.offset_bytes(port) for port in range(self.ports)][:2]

    def offset_bytes(self, port: int) -> int:
        """The place in its buffer of the first byte that a port reads."""
        return port // self.buffers * self.stripe_bursts * ALIGNMENT

    def fill(self, images: np.ndarray, buffers: List[np.ndarray]) -> None:
        """Write images, (N, pixels) uint8, to the buffers, each (N, bytes_per_image) uint8."""
        if not self.packed_bits:
            buffers[0][:, : self.image_bytes] = images
            return
        packing, images_at_once = _PACKINGS[self.packed_bits], min(_BLOCK, len(images))
        row_bytes = self.shape[-1] * self.rows_at_once // packing.pixels_in_a_byte
        image_bytes, part_bytes = self.beats_per_image * row_bytes, row_bytes // self.buffers
        words = np.empty((images_at_once, image_bytes), packing.word)
        packed = np.empty(words.size + BEAT_BYTES, np.uint8)
        # Pack in ordinary memory first: a board's buffers are not cached, so lines are faster than bytes.
        beats = np.empty((images_at_once, self.beats_per_image), "<u8")
        mask = np.uint64((1 << 8 * part_bytes) - 1)
        for first in range(0, len(images), _BLOCK):
            block = images[first : first + _BLOCK]
            packing.pack(block, words[: len(block)], packed)
            for number, buffer in enumerate(buffers):
                # A beat is read from where a row's part begins, and the bytes behind the part are masked.
                part = number * part_bytes
                parts = np.ndarray(beats.shape, "<u8", packed, part, (image_bytes, row_bytes))
                np.bitwise_and(parts[: len(block)], mask, out=beats[: len(block)])
                buffer[first : first + _BLOCK] = beats[: len(block)].view(np.uint8)


class _Packing:
    """How the highest ``bits`` bits of pixels are packed, with the first pixel in the lowest bits of a byte.

    pixels_in_a_byte: the number of pixels that a byte holds when packed.
    word:             the dtype of as many uint8 pixels.
    """

    def __init__(self, bits: int):
        self.pixels_in_a_byte = 8 // bits
        self.word = np.dtype(f"<u{self.pixels_in_a_byte}")
        word, places = self.word.type, range(self.pixels_in_a_byte)
        self._highest_bits = word(sum((256 - (1 << 8 - bits)) << 8 * place for place in places))
        # The product has the bits of all pixels of a word side by side in its highest byte.
        self._factor = word(sum(1 << (8 - bits) * place for place in places))
        self._shift = word(8 * (self.pixels_in_a_byte - 1))

    def pack(self, pixels: np.ndarray, words: np.ndarray, packed: np.ndarray) -> None:
        """Pack images, (N, pixels) uint8, into the first bytes of ``packed``.

        words: (N, packed bytes of an image), overwritten.
        """
        np.bitwise_and(np.ascontiguousarray(pixels).view(self.word), self._highest_bits, out=words)
        np.multiply(words, self._factor, out=words)
        np.right_shift(words, self._shift, out=words)
        packed[: words.size] = words.reshape(-1)


_PACKINGS = {bits: _Packing(bits) for bits in (2, 4)}
