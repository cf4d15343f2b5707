"""The members of layers and networks: checked on construction, of one type, and unchangeable afterwards.

Integers of any type are taken and kept as int64, since NumPy's default integer depends on the processor: it
has 32 bits on a 32-bit ARM, where sums of int32 would overflow. Arrays are copied and made read-only.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict

import numpy as np

from .archive import NetworkError


class Value:
    """The base of dataclasses whose members may be arrays: equal members make equal values, with equal hash.

    A subclass is a dataclass with frozen=True and eq=False. A copy, a pickle's too, is made by the
    constructor, so its arrays are read-only as well.
    """

    def _set(self, **members) -> None:
        """Replace members by what was made of them. For ``__post_init__`` alone."""
        for name, value in members.items():
            object.__setattr__(self, name, value)

    def _members(self) -> tuple:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def _identity(self) -> tuple:
        return tuple(
            (member.dtype.str, member.shape, member.tobytes()) if isinstance(member, np.ndarray) else member
            for member in self._members()
        )

    def __eq__(self, other) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self):
        return type(self), self._members()


def frozen(array: np.ndarray, dtype=None) -> np.ndarray:
    """A read-only copy of the array; the array itself if nobody can write to it."""
    if array.dtype == (dtype or array.dtype) and array.flags.owndata and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=dtype, order="C", subok=False)
    copy.setflags(write=False)
    return copy


def integers(name: str, values, low: int, high: int) -> np.ndarray:
    """Integers of any type, low..high, as a read-only array of int64."""
    array = checked_array(name, values)
    if array.dtype.kind not in "iu":
        raise NetworkError(f"{name} must hold integers, not {array.dtype}")
    if array.size and (array.min() < low or array.max() > high):
        raise NetworkError(f"{name} must lie in {low}..{high}, found {array.min()}..{array.max()}")
    return frozen(array, np.int64)


def positive_numbers(name: str, values) -> np.ndarray:
    """Positive finite numbers of any real type as a read-only array of float64."""
    array = checked_array(name, values)
    if array.dtype.kind not in "iuf" or not (np.isfinite(array) & (array > 0)).all():
        raise NetworkError(f"{name} must hold positive finite numbers, not {array!r}")
    return frozen(array, np.float64)


def pixels(images) -> np.ndarray:
    """Images as an array of uint8. Raises ValueError for any other type, and for masked arrays."""
    if isinstance(images, np.ma.MaskedArray):
        raise ValueError("images must not be a masked array: fill it, by images.filled(0) for example")
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 pixels 0..255, not {images.dtype}")
    return images


def checked_array(name: str, values) -> np.ndarray:
    """The values as an array. Masked arrays are refused: what lies below a mask is no number."""
    if isinstance(values, np.ma.MaskedArray):
        raise NetworkError(f"{name} must not be a masked array: fill it, by {name}.filled(0) for example")
    return np.asarray(values)


def whole(name: str, value, low: int, high: int) -> int:
    """A whole number of any integer type, low..high, as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise NetworkError(f"{name} must be a whole number in {low}..{high}, not {value!r}")
    return int(value)


def positive(name: str, value) -> float:
    """A positive finite number of any real type as a float."""
    try:
        number = 0.0 if isinstance(value, (bool, str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if not (np.isfinite(number) and number > 0):
        raise NetworkError(f"{name} must be a positive finite number, not {value}")
    return number


def json_object(name: str, value: Any) -> Dict:
    """A copy of a JSON object in which NumPy's numbers and arrays have become Python's."""
    if not isinstance(value, dict):
        raise NetworkError(f"{name} must be an object, not {value!r}")
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_python_value))
    except (TypeError, ValueError, RecursionError) as error:
        raise NetworkError(f"{name} must be what JSON can hold ({error})") from None


def _python_value(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r} is no JSON")
