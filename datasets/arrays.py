"""The type that every loader returns, and the error that every loader raises."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PARTS = ("train", "test")


class DatasetError(Exception):
    """A data set is missing or damaged, or there is none of this name."""


class Images(NamedTuple):
    """Images, (N, 28, 28) or (N, 32, 32, 3) uint8, with their labels, (N,) int64 in 0..9."""

    images: np.ndarray
    labels: np.ndarray


def check_part(part: str) -> None:
    if part not in PARTS:
        raise DatasetError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
