"""Images as callers give them, and results as the accelerator writes them. The layouts are in docs/programmers_guide.md."""

from __future__ import annotations

import numpy as np

from ..errors import HardwareError
from .images import IMAGE_BYTES, SIZE

MODE_CLASSES = 0  # one uint8 class per image, padded with zeros to 8 bytes
MODE_LOGITS = 1  # one RESULT per image
RESULT = np.dtype([("logits", "<i4", (10,)), ("class", "<i4"), ("number", "<u4")])


def checked_images(images) -> np.ndarray:
    """(N, 28, 28) or (N, 784) uint8, N >= 1 -> (N, 784), a view where possible.

    TypeError for what is not a NumPy array of uint8, ValueError for another shape or an empty batch.
    """
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a numpy array, not {type(images).__name__}")
    if images.dtype != np.uint8:
        nan = ""
        if images.dtype.kind == "f" and np.isnan(images).any():
            nan = f" (and {int(np.isnan(images).sum())} of {images.size} values are NaN)"
        remedy = (
            "; of 0..1 make them by (255 * images).round().astype('uint8')"
            if images.dtype.kind == "f" and not nan
            else ""
        )
        raise TypeError(f"images must be uint8 pixels 0..255, not {images.dtype}{nan}{remedy}")
    if images.shape[1:] not in ((SIZE, SIZE), (IMAGE_BYTES,)):
        one = images.shape in ((SIZE, SIZE), (IMAGE_BYTES,))
        raise ValueError(
            f"images must have shape (N, {SIZE}, {SIZE}) or (N, {IMAGE_BYTES}), not {images.shape}"
            + (": for a single image pass images[None]" if one else "")
        )
    if len(images) == 0:
        raise ValueError("images must hold at least one image, not 0")
    return images.reshape(len(images), IMAGE_BYTES)


def result_bytes(mode: int, images: int) -> int:
    """Bytes that the accelerator writes for ``images`` images."""
    return images * RESULT.itemsize if mode == MODE_LOGITS else -(-images // 8) * 8


def unpack_classes(raw: np.ndarray, images: int) -> np.ndarray:
    """(result_bytes,) uint8 of mode 0 -> (images,) int64, a copy. HardwareError if one is no class."""
    codes = np.array(raw[:images], subok=False)
    if codes.max() > 9:
        number = int(np.argmax(codes > 9))
        raise HardwareError(f"class of image {number} must be 0..9, the accelerator wrote {codes[number]}")
    return codes.astype(np.int64)


def unpack_logits(raw: np.ndarray, images: int) -> np.ndarray:
    """(result_bytes,) uint8 of mode 1 -> (images, 10) int32, a copy. HardwareError if an image number is not its place."""
    results = np.array(raw, dtype=np.uint8, subok=False).view(RESULT)
    wrong = np.flatnonzero(results["number"] != np.arange(images, dtype=np.uint32))
    if len(wrong):
        place = int(wrong[0])
        raise HardwareError(
            f"result {place} of {images} must carry image number {place}, it carries "
            f"{int(results['number'][place])} ({len(wrong)} results are misplaced)"
        )
    return np.ascontiguousarray(results["logits"])
