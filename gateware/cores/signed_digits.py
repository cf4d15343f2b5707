"""Constants as sums of few signed powers of two, so that a multiplication needs few additions."""

from __future__ import annotations

from typing import Iterator, Tuple


def signed_digits(value: int) -> Iterator[Tuple[int, int]]:
    """Yield (shift, sign) of each canonical signed digit of an integer, for example 7 = 8 - 1."""
    shift = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            yield shift, sign
            value -= sign
        value >>= 1
        shift += 1
