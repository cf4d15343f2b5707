"""Convert a photograph of a handwritten digit to the form on which the networks were trained.

This is the form of MNIST: bright ink on a black ground, the digit scaled to fit 20 x 20 pixels with its
proportions kept, its centre of mass in the middle of 28 x 28 pixels. It needs Pillow, which PYNQ's images
include.
"""

from __future__ import annotations

import os
from typing import Union

import numpy as np

from ..network.lst.parameters import SIZE

BOX = 20  # pixels of the longer side of the digit
INK = 0.35  # share of the darkest stroke's contrast; what is fainter is paper
MIN_CONTRAST = 16  # of 255 grey levels: with less there is no digit
DARKEST = 30  # pixels as dark as the strokes: fewer than any digit has, but more than a speck of dust
_WORKING_SIZE = 512  # pixels; larger pictures are reduced first


def digit_of(picture: Union[str, os.PathLike, np.ndarray, object]) -> np.ndarray:
    """Convert a picture of one digit to an image, (28, 28) uint8.

    picture: a file (path or open), a PIL image, or an (H, W) or (H, W, 3) uint8 array. The digit may be dark
             on light or light on dark: the picture's border shows the ground.

    Raises FileNotFoundError if there is no such file, and ValueError if it is no picture or no digit stands
    out.
    """
    from PIL import Image

    grey = np.asarray(_reduced(_opened(picture))).astype(np.float64)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(border))
    contrast = np.sort(ink, axis=None)[-min(DARKEST, ink.size)]
    if contrast < MIN_CONTRAST:
        raise ValueError(
            f"no digit in the picture: its strokes must stand out by {MIN_CONTRAST} of 255 grey levels, "
            f"found {contrast:.0f}"
        )
    ink = np.where(ink < INK * contrast, 0, np.minimum(ink, contrast)) * (255 / contrast)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(size * scale)) for size in ink.shape)
    small = np.asarray(Image.fromarray(ink.astype(np.uint8)).resize((width, height), Image.LANCZOS)).astype(
        np.float64
    )
    return _centred((small * (255 / small.max())).astype(np.uint8))  # scaling has made thin strokes fainter


def _opened(picture):
    """Return the picture as a PIL image, upright."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if isinstance(picture, np.ndarray):
        if (
            isinstance(picture, np.ma.MaskedArray)
            or picture.dtype != np.uint8
            or 0 in picture.shape
            or not (picture.ndim == 2 or picture.ndim == 3 and picture.shape[2] in (3, 4))
        ):
            raise ValueError(
                "a picture must be an (H, W) or (H, W, 3) array of uint8, "
                f"not {picture.shape} of {picture.dtype}{' with a mask' * np.ma.isMaskedArray(picture)}"
            )
        return Image.fromarray(picture)
    try:
        return ImageOps.exif_transpose(picture if isinstance(picture, Image.Image) else Image.open(picture))
    except AttributeError:
        raise ValueError(
            f"a picture is a file, a PIL image or an array, not {type(picture).__name__}"
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{picture}: not a picture that Pillow reads") from None


def _reduced(image):
    """Convert to grey, with transparent parts white and at most _WORKING_SIZE pixels a side."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode.startswith("I"):  # 16 bits, which convert would clip
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    image = image.convert("L")
    image.thumbnail((_WORKING_SIZE, _WORKING_SIZE))
    return image


def _centred(ink: np.ndarray) -> np.ndarray:
    """Place at most BOX x BOX pixels in SIZE x SIZE, the centre of mass as near the middle as they fit."""
    total = ink.sum()
    out = np.zeros((SIZE, SIZE), np.uint8)
    place = []
    for axis in (0, 1):
        length = ink.shape[axis]
        mass = (ink.sum(axis=1 - axis) * (np.arange(length) + 0.5)).sum() / total
        place.append(int(np.clip(round(SIZE / 2 - mass), 0, SIZE - length)))
    out[place[0] : place[0] + ink.shape[0], place[1] : place[1] + ink.shape[1]] = ink
    return out
