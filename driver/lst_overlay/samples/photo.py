"""Find the handwritten digit in a photograph and convert it to the form on which the networks were trained.

This is the form of MNIST: bright ink on a black ground, the digit scaled to fit 20 x 20 pixels with its
proportions kept, its centre of mass in the middle of 28 x 28 pixels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Tuple, Union

import numpy as np

from .. import html
from .connected import Parts, connected_parts
from .pictures import grey_levels, naming, scaling

SIZE = 28
FORM = (SIZE, SIZE)  # of MNIST
BOX = 20  # pixels of the longer side of the digit
MIN_INK = 0.08  # share of the paper's light that a stroke absorbs at least
_STROKE = 30  # pixels that are as dark: fewer than any digit has
_NOISE = 6  # standard deviations of the noise on paper; fainter ink cannot be told from it
_DARKEST_PAPER = 40  # grey levels: on darker paper, noise is not enlarged further
_WIDEST = 6  # of this part of the picture's shorter side; strokes wider than two such parts look like shadow
_SMALLEST = 0.04  # share of the picture's shorter side: a smaller part is dust
_FAINTEST = 0.35  # share of the digit's own darkness: where its strokes end
_THINNEST, _THICKEST = 1.8, 7  # pixels of BOX: MNIST has no thinner strokes, and no digit thicker ones
_BEFORE_BORDER, _APART = 0.06, 0.15  # shares of the digit's size


@dataclass(frozen=True)
class Digit:
    """A digit in the form that the networks take, and the steps that led to it."""

    grey: np.ndarray  # (H, W) float32: 0 to 255, upright, reduced, the ink darker than the paper
    paper: np.ndarray  # (H, W) float32: how bright the paper is at each point, or would be without the ink
    ink: np.ndarray  # (H, W) float32: 0 to 1, the share of the paper's light that is missing
    cut: np.ndarray  # (h, w) float32: 0 to 1, the digit alone
    image: np.ndarray  # (28, 28) uint8: the digit as a network takes it

    def __repr__(self) -> str:
        (high, wide), size = self.cut.shape, " x ".join(map(str, self.grey.shape))
        return f"Digit({high} x {wide} pixels of ink in a picture of {size})"

    def _repr_html_(self) -> str:
        return html.picture(self.image) + f"<div>{html.escape(repr(self))}</div>"


def digit_of(picture: Union[str, os.PathLike, np.ndarray, object]) -> Digit:
    """Find the one digit of a picture; the field ``image`` of the result is what a network takes.

    picture: a file (path or open) or a PIL image, which need Pillow, or an (H, W) or (H, W, 3) uint8 array.
             The digit is dark on light or light on dark, and the paper may be lit unevenly.

    Raises FileNotFoundError if there is no such file, and ValueError if it is no picture, or does not show
    one whole digit.
    """
    with naming(picture):
        return _found(grey_levels(picture))


def _found(grey: np.ndarray) -> Digit:
    smooth = _smooth(grey)
    if _is_light_on_dark(smooth):
        grey, smooth = 255 - grey, 255 - smooth
    paper = _closed(smooth, max(1, min(grey.shape) // _WIDEST))
    ink, faintest = _ink(smooth, paper)
    pressed, all_ink = _levels(ink, faintest)
    try:
        strokes = _strokes(ink, all_ink)
    except ValueError:  # of ruled lines, perhaps, which are fainter than where the pen was pressed
        strokes = _strokes(ink, pressed)
    cut = _trimmed(np.where(strokes, (ink / ink[strokes].mean()).clip(0, 1), 0))
    return Digit(grey, paper, ink, cut, form_of_mnist(cut))


# Ink and paper.


def _smooth(grey: np.ndarray) -> np.ndarray:
    """Reduce noise: the larger the picture, the wider."""
    for _ in range(round(max(grey.shape) / 256)):
        padded = np.pad(grey, 1, mode="edge")
        rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
        grey = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return grey


def _is_light_on_dark(grey: np.ndarray) -> bool:
    """Compare the narrow shapes that are light with those that are dark: ink is narrower than paper."""
    coarse = max(1, min(grey.shape) // 100)
    high, wide = (side // coarse for side in grey.shape)
    grey = grey[: high * coarse, : wide * coarse].reshape(high, coarse, wide, coarse).mean(axis=(1, 3))
    light, reach = 0.0, 1
    while reach <= min(grey.shape) // _WIDEST:
        above, below = grey + _closed(-grey, reach), _closed(grey, reach) - grey
        light += float((above**2).sum() - (below**2).sum()) / reach**2
        reach *= 2
    return light > 0


def _closed(grey: np.ndarray, reach: int) -> np.ndarray:
    """Fill what is dark and at most 2 * reach wide; the edges of what is wider stay in place, and sharp."""
    return _extreme(_extreme(grey, reach, np.maximum), reach, np.minimum)


def _extreme(values: np.ndarray, reach: int, pick: np.ufunc) -> np.ndarray:
    """Pick the greatest or the least value (np.maximum, np.minimum) within ``reach`` along both axes."""
    values = np.pad(values, reach, mode="edge")
    for _ in range(2):
        size = 1  # each value is now that of so many rows
        while size < 2 * reach + 1:
            step = min(size, 2 * reach + 1 - size)
            values = pick(values[:-step], values[step:])
            size += step
        values = np.ascontiguousarray(values.T)
    return values


def _ink(grey: np.ndarray, paper: np.ndarray):
    """Return the share of the paper's light that is missing at each point, and the least that is ink."""
    ink = (paper - grey) / np.maximum(paper, _DARKEST_PAPER)
    # The estimate of the paper is that of its brightest grains: most of it is darker.
    grain = np.median(ink)
    noise = 1.4826 * np.median(np.abs(ink - grain))  # the standard deviation, if it is normal
    ink = (ink - grain).clip(0)
    faintest = max(MIN_INK, _NOISE * noise)
    darkest = np.partition(ink, -min(_STROKE, ink.size), axis=None)[-min(_STROKE, ink.size)]
    if darkest < faintest:
        raise ValueError(
            f"no digit in the picture: strokes must differ from the paper by {faintest:.0%} of the light, "
            f"not by {darkest:.0%}; use a darker pen or more light"
        )
    return ink, faintest


def _levels(ink: np.ndarray, faintest: float) -> Tuple[float, float]:
    """Return how dark the ink is where the pen was pressed, and where it was not, at least."""
    inked = ink[ink >= faintest]
    pressed = _threshold(inked)
    parts = connected_parts(ink > pressed, ink)
    inside = (ink >= faintest) & ~np.isin(parts.label, np.flatnonzero(parts.at_border))
    if inside.any():  # A desk may be darker than the ink, which does not make the ink faint.
        inked = ink[inside]
        pressed = _threshold(inked)
    return pressed, max(faintest, min(pressed, inked[inked >= pressed].mean() / 2))


def _threshold(values: np.ndarray) -> float:
    """Return the threshold that separates small from large values best, by Otsu's method."""
    counts, edges = np.histogram(values, 64)
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    above = len(values) - below
    apart = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return min(float(edges[1:-1][np.argmax(below * above * apart**2)]), float(values.max()))


# The digit among all that is inked.


def _strokes(ink: np.ndarray, level: float) -> np.ndarray:
    """Return where the digit is, (H, W) bool: the darkest part above a level and what lies close to it."""
    parts = connected_parts(ink > level, ink)
    high, wide = ink.shape
    smallest = max(8, round(_SMALLEST * min(high, wide)))
    large = np.maximum(parts.height, parts.width) >= smallest
    inside = ~parts.at_border
    for number in np.flatnonzero(large & inside):
        inside[number] = not _is_frame(parts, number)
    if not (large & inside).any():
        if (large & parts.at_border).any():
            raise ValueError("the ink reaches the border of the picture: leave paper around the whole digit")
        raise ValueError(
            f"no digit in the picture: it must be at least {smallest} of {high} x {wide} pixels high or "
            "wide; move closer"
        )
    chosen = np.zeros(len(inside), bool)
    more = np.arange(len(inside)) == np.argmax(np.where(large & inside, parts.mass, 0))
    while more.any():
        chosen |= more
        top, bottom, left, right = parts.bounds(chosen)
        size = max(bottom - top, right - left)
        strong = parts.mass > 0.03 * parts.mass[chosen].sum()
        if (strong & parts.at_border & parts.within(top, bottom, left, right, _BEFORE_BORDER * size)).any():
            raise ValueError("the ink reaches the border of the picture: leave paper around the whole digit")
        close = parts.within(top, bottom, left, right, _APART * size)
        # A stroke beside the others that is half as high is a digit, not the second stroke of a 4 or of a 5.
        overlap = np.minimum(parts.right, right) - np.maximum(parts.left, left)
        upright = (parts.height > 0.5 * (bottom - top)) & (parts.width < 2 * parts.height)
        beside = upright & (overlap < 0.5 * np.minimum(parts.width, right - left))
        far = ~close & (parts.mass > 0.2 * parts.mass[chosen].sum())
        others = strong & inside & ~chosen & (beside | far)
        if others.any():
            raise ValueError(
                f"more than one digit in the picture: {others.sum() + 1} separate marks; show one digit alone"
            )
        more = strong & inside & close & ~chosen
    if right - left > 2 * (bottom - top):
        raise ValueError(
            "no digit in the picture: a digit is at most twice as wide as high, what stands out has "
            f"{bottom - top} x {right - left} pixels; turn the picture upright"
        )
    return np.isin(parts.label, np.flatnonzero(chosen))


def _is_frame(parts: Parts, number: int) -> bool:
    """Tell whether a part is a line all around its rectangle, or is around another part."""
    top, bottom, left, right = (
        int(bound[number]) for bound in (parts.top, parts.bottom, parts.left, parts.right)
    )
    mask = parts.label[top:bottom, left:right] == number
    high, wide = (-(-side // 8) for side in mask.shape)
    sides = (
        mask[:high].any(axis=0),
        mask[-high:].any(axis=0),
        mask[:, :wide].any(axis=1),
        mask[:, -wide:].any(axis=1),
    )
    framed = (parts.top > top + high) & (parts.bottom < bottom - high)
    framed &= (parts.left > left + wide) & (parts.right < right - wide)
    heavy = parts.mass > 0.1 * parts.mass[number]
    return bool(min(side.mean() for side in sides) > 0.95 and mask.mean() < 0.5 or (framed & heavy).any())


# The form of MNIST.


def _trimmed(ink: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def form_of_mnist(ink: np.ndarray) -> np.ndarray:
    """Convert ink without paper, (H, W) from 0 to 1, to the form that networks take, (28, 28) uint8.

    The faint edges of strokes go; the digit is scaled to the box and placed by its centre of mass.
    """
    cut = _trimmed(np.where(ink > _FAINTEST * ink.max(), ink, 0))
    scale = BOX / max(cut.shape)
    # A stroke's edges are twice as long as the stroke.
    mask = np.pad(cut, 1) > 0.5
    edges = sum(np.diff(mask, axis=axis).sum() for axis in (0, 1))
    thickness = 2 * mask.sum() / edges * scale
    thinner = round((_THINNEST - thickness) / scale / 2)
    if thinner > 0:
        cut = _extreme(np.pad(cut, thinner), thinner, np.maximum)
    image = boxed(cut)
    if (_extreme(image, _THICKEST // 2, np.minimum) > 127).sum() > BOX:
        raise ValueError(
            "no digit in the picture: what stands out is a blot, its strokes must be thinner than "
            f"{_THICKEST / BOX:.0%} of its size"
        )
    return image


def boxed(ink: np.ndarray, shape: Tuple[int, int] = FORM) -> np.ndarray:
    """Scale what is not 0, (H, W) from 0 to 1, to the box and centre its mass: return ``shape`` uint8.

    The box's side is BOX pixels of MNIST's form, and the same share of another shape's shorter side.
    """
    cut = _trimmed(ink)
    scale = round(BOX * min(shape) / SIZE) / max(cut.shape)
    rows, columns = (scaling(side, max(1, round(side * scale))) for side in cut.shape)
    small = rows @ cut @ columns.T
    # Thin strokes have become fainter.
    return _centred((small * (255 / small.max())).round().astype(np.uint8), shape)


def _centred(ink: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Place the pixels of a box in ``shape``, the centre of mass as near the middle as they fit."""
    total = ink.sum()
    out = np.zeros(shape, np.uint8)
    place = []
    for axis in (0, 1):
        length = ink.shape[axis]
        mass = (ink.sum(axis=1 - axis) * (np.arange(length) + 0.5)).sum() / total
        place.append(int(np.clip(round(shape[axis] / 2 - mass), 0, shape[axis] - length)))
    out[place[0] : place[0] + ink.shape[0], place[1] : place[1] + ink.shape[1]] = ink
    return out
