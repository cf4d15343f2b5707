"""Widths of signals, computed from the values that they must hold."""

from __future__ import annotations

from typing import Tuple


def shape_of(low: int, high: int) -> Tuple[int, bool]:
    """Return (bits, signed) of the narrowest signal that holds low .. high."""
    if low < 0:
        return signed_width(low, high), True
    return max(high.bit_length(), 1), False


def signed_width(low: int, high: int) -> int:
    """Return the bits of the narrowest signed signal that holds low .. high."""
    return max(high, -low - 1).bit_length() + 1
