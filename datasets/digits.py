"""The 1,797 handwritten digits that scikit-learn includes, resampled from 8x8 to 28x28: no download."""

from __future__ import annotations

import numpy as np

from datasets.arrays import Images, check_part

TEST_IMAGES = 360  # the last in file order; training never sees them
_SIZE, _SOURCE_SIZE = 28, 8
_BORDER = 4  # MNIST's own layout: the digit fills the middle 20x20
_FULL_SCALE = 16  # the source's brightest pixel


def load_digits(part: str) -> Images:
    """Load part 'train' (the first 1,437 in file order) or 'test' (the last 360)."""
    from sklearn.datasets import load_digits as load_source  # slow to import

    check_part(part)
    source = load_source()
    chosen = slice(-TEST_IMAGES) if part == "train" else slice(-TEST_IMAGES, None)
    return Images(resample(source.images[chosen]), source.target[chosen].astype(np.int64))


def resample(images: np.ndarray) -> np.ndarray:
    """(N, 8, 8) brightness 0..16 -> (N, 28, 28) uint8 by bilinear interpolation.

    It is done in integers, so that every machine gets the same bytes. An output pixel is 0.4 source pixels
    wide (8 / 20), and the centre of output pixel i lies at 0.4 (i - 4) - 0.3 in source pixels. Weights are in
    tenths. Outside the source everything is dark.
    """
    centre = 4 * (np.arange(_SIZE) - _BORDER) - 3
    tenths = np.maximum(0, 10 - np.abs(centre[:, None] - 10 * np.arange(_SOURCE_SIZE)))  # (28, 8)
    scaled = tenths @ np.asarray(images).astype(np.int64) @ tenths.T  # full scale 16 * 100
    full_scale = _FULL_SCALE * 100
    return ((scaled * 255 + full_scale // 2) // full_scale).astype(np.uint8)
