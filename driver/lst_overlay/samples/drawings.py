"""A few drawings in colour in the form of CIFAR-10: of our own making, for where no photograph is at hand."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from .scene import scene_of

_SIDE = 128  # pixels, before a drawing is scaled
_HORIZON = 70
_GRAIN = 6.0  # standard deviation of the noise, in grey levels: no photograph is smooth
_Y, _X = np.mgrid[0:_SIDE, 0:_SIDE]
_Colour = Tuple[int, int, int]

_SKY, _HAZE, _SEA = (140, 190, 235), (168, 203, 238), (40, 80, 130)
_CLOUDY, _ROAD = (203, 208, 213), (110, 110, 115)
_GRASS, _SHADE = (90, 130, 60), (70, 105, 45)
_RED, _BLUE, _WHITE, _GLASS = (190, 30, 30), (40, 80, 170), (240, 240, 245), (60, 70, 85)
_BLACK, _GREEN, _BROWN, _DARK, _YELLOW = (
    (25, 25, 28),
    (70, 150, 40),
    (120, 80, 50),
    (80, 55, 35),
    (230, 170, 40),
)


def load() -> Tuple[np.ndarray, Tuple[str, ...]]:
    """The drawings, (6, 32, 32, 3) uint8, and the name of the class of each, as CIFAR-10 has it."""
    drawings = {
        "airplane": _airplane(),
        "automobile": _automobile(),
        "bird": _bird(),
        "frog": _frog(),
        "ship": _ship(),
        "truck": _truck(),
    }
    return np.stack(list(drawings.values())), tuple(drawings)


def _drawn(above: _Colour, below: _Colour, *parts: Tuple[np.ndarray, _Colour]) -> np.ndarray:
    """A drawing of parts, (where, colour), each over those before it, on two colours of ground."""
    picture = np.where((_Y < _HORIZON)[..., None], above, below).astype(float)
    for where, colour in parts:
        picture[where] = colour
    picture += np.random.default_rng(1).normal(0, _GRAIN, picture.shape)
    return scene_of(picture.clip(0, 255).astype(np.uint8))


def _ellipse(x: float, y: float, width: float, height: float) -> np.ndarray:
    """The points of an ellipse around (x, y); ``width`` and ``height`` are half of its axes."""
    return ((_X - x) / width) ** 2 + ((_Y - y) / height) ** 2 < 1


def _box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    return (_X > left) & (_X < right) & (_Y > top) & (_Y < bottom)


def _wheels(y: int, *places: int):
    return [(_ellipse(x, y, 11, 11), _BLACK) for x in places]


def _airplane() -> np.ndarray:
    wings = (np.abs(_X - 60 - (_Y - 64) / 2) < 9) & (np.abs(_Y - 64) < 36)
    tail = _box(12, 42, 24, 66)
    return _drawn(_SKY, _HAZE, (_ellipse(64, 64, 52, 7), _WHITE), (wings, _CLOUDY), (tail, _WHITE))


def _automobile() -> np.ndarray:
    roof, window = (_ellipse(64, y, *size) & (_Y < y + 1) for y, size in ((58, (32, 20)), (57, (26, 15))))
    body = (_box(14, 58, 114, 86) | roof, _RED)
    return _drawn(_CLOUDY, _ROAD, body, (window, _GLASS), *_wheels(86, 34, 94))


def _bird() -> np.ndarray:
    body = _ellipse(64, 66, 26, 15) | _ellipse(90, 52, 11, 10)
    beak = (np.abs(_Y - 54) < (106 - _X) * 0.4) & (_X > 99)
    tail = (np.abs(_Y - 68 + (44 - _X) * 0.2) < 6) & (_X > 20) & (_X < 44)
    parts = [(body | tail, _BROWN), (beak, _YELLOW), (_ellipse(93, 50, 2.5, 2.5), _BLACK)]
    return _drawn(_SKY, _HAZE, *parts, (_ellipse(56, 58, 20, 8), _DARK))


def _frog() -> np.ndarray:
    eyes = _ellipse(50, 54, 9, 9) | _ellipse(78, 54, 9, 9)
    feet = _ellipse(32, 96, 18, 7) | _ellipse(96, 96, 18, 7)
    pupils = _ellipse(50, 52, 4, 4) | _ellipse(78, 52, 4, 4)
    return _drawn(_GRASS, _SHADE, (_ellipse(64, 76, 36, 24) | eyes | feet, _GREEN), (pupils, _BLACK))


def _ship() -> np.ndarray:
    hull = _box(0, 62, 128, 84) & (np.abs(_X - 64) < 108 - _Y)
    return _drawn(_SKY, _SEA, (hull, _RED), (_box(48, 44, 92, 63), _WHITE), (_box(69, 30, 83, 45), _YELLOW))


def _truck() -> np.ndarray:
    parts = [(_box(18, 34, 82, 86), _WHITE), (_box(81, 54, 112, 86), _BLUE), (_box(90, 58, 110, 70), _GLASS)]
    return _drawn(_CLOUDY, _ROAD, *parts, *_wheels(88, 36, 66, 98))
