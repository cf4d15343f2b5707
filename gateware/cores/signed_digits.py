"""A constant as few signed powers of two, so that a multiplication by it is few additions."""

from __future__ import annotations

from typing import Iterator, Tuple


def signed_digits(value: int) -> Iterator[Tuple[int, int]]:
    """(shift, sign) of the canonical signed digits of an integer: 7 = 8 - 1."""
    shift = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            yield shift, sign
            value -= sign
        value >>= 1
        shift += 1
