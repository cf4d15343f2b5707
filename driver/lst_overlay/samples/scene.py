"""Convert a photograph to the form of CIFAR-10, on which networks for pictures in colour are trained."""

from __future__ import annotations

import os
from typing import Union

import numpy as np

from .pictures import colours, naming, scaling

SIZE = 32  # pixels


def scene_of(picture: Union[str, os.PathLike, np.ndarray, object]) -> np.ndarray:
    """Convert a picture to an image, (32, 32, 3) uint8: its central square, scaled.

    picture: a file (path or open) or a PIL image, which need Pillow, or an (H, W), (H, W, 3) or (H, W, 4)
             uint8 array.

    Raises FileNotFoundError if there is no such file, and ValueError if it is no picture.
    """
    with naming(picture):
        scene = colours(picture)
    side = min(scene.shape[:2])
    top, left = ((length - side) // 2 for length in scene.shape[:2])
    small = scaling(side, SIZE)
    scaled = np.einsum(
        "rh,hwc,sw->rsc", small, scene[top : top + side, left : left + side], small, optimize=True
    )
    return scaled.round().clip(0, 255).astype(np.uint8)
