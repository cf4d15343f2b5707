"""Convert a picture of anything, a letter or a sign or a shape, to the form on which networks are trained.

`lst_overlay.samples.photo` is for handwritten digits: it copes with shadows and refuses what is no digit.
"""

from __future__ import annotations

import os
from typing import Tuple, Union

import numpy as np

from .connected import connected_parts
from .photo import FORM, boxed
from .pictures import grey_levels, naming

MIN_CONTRAST = 16  # of 255 grey levels: with less there is nothing
_FAINTEST = 0.35  # share of the contrast; what is fainter is ground
_DARKEST = 30  # pixels that differ as much from the ground: more than a speck of dust has
_DUST = 0.01  # share of the largest part; what is smaller does not belong to the thing


def image_of(
    picture: Union[str, os.PathLike, np.ndarray, object], shape: Tuple[int, int] = FORM
) -> np.ndarray:
    """Convert a picture of one thing on an even ground to an image, ``shape`` uint8.

    picture: a file (path or open) or a PIL image, which need Pillow, or an (H, W) or (H, W, 3) uint8 array.
             The thing may be dark on light or light on dark: the border of the picture shows the ground.
    shape:   the rows and columns that the network takes: ``overlay.layout.shape``.

    The image is bright on black. The thing, all its parts together, is scaled to fit a square of 5/7 of the
    shorter side, 20 of 28 pixels, with its proportions kept; its centre of mass is in the middle.

    Raises FileNotFoundError if there is no such file, and ValueError if it is no picture or nothing stands
    out.
    """
    with naming(picture):
        return boxed(_ink(grey_levels(picture)), shape)


def _ink(grey: np.ndarray) -> np.ndarray:
    """Return how much of the thing is at each point, (H, W) from 0 to 1, 0 outside."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(border))
    contrast = np.sort(ink, axis=None)[-min(_DARKEST, ink.size)]
    if contrast < MIN_CONTRAST:
        raise ValueError(
            f"nothing in the picture stands out from its border: it must differ by {MIN_CONTRAST} of 255 "
            f"grey levels, not by {contrast:.0f}"
        )
    ink = np.minimum(ink / contrast, 1)
    parts = connected_parts(ink > _FAINTEST, ink)
    kept = np.flatnonzero(parts.mass > _DUST * parts.mass.max())
    return np.where(np.isin(parts.label, kept), ink, 0)
