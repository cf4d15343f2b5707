"""Several products of a short weight and a short code in one multiplier of a DSP48E1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

FACTOR_WIDTHS = (25, 18)  # of a multiplier: the weights', and the codes'


@dataclass(frozen=True)
class Packing:
    """(w0 + w1 2**m) (x0 + x1 2**n) holds the products of two weights and of one code or two.

    weight_bits, code_bits: of the factors, signed; weights are symmetric, so -2**(weight_bits - 1) is none.
    products:               of a multiplier in a clock: 4 (two weights, two codes) or 2 (two weights, a code).
    """

    weight_bits: int = 5
    code_bits: int = 6
    products: int = 4

    def __post_init__(self):
        if self.products not in (2, 4):
            raise ValueError(f"products must be 2 or 4, not {self.products!r}")
        if any(width > limit for width, limit in zip(self.factor_widths, FACTOR_WIDTHS)):
            raise ValueError(
                "the factors of a multiplier have at most {} and {} bits; {} products of {}-bit weights and "
                "{}-bit codes need {} and {}: choose fewer".format(
                    *FACTOR_WIDTHS, self.products, self.weight_bits, self.code_bits, *self.factor_widths
                )
            )

    @property
    def field_bits(self) -> int:
        """Of a product beside others: it is less than 2**(weight_bits + code_bits - 2) in magnitude."""
        return self.weight_bits + self.code_bits - 1

    @property
    def column_lanes(self) -> int:
        """Codes of a multiplier."""
        return self.products // 2

    @property
    def factor_widths(self) -> Tuple[int, int]:
        """Of the two factors: the second weight, or code, begins above the products of the first."""
        weights = self.column_lanes * self.field_bits + self.weight_bits
        codes = self.code_bits if self.column_lanes == 1 else self.field_bits + self.code_bits + 1
        return weights, codes


def densest(weight_bits: int, code_bits: int) -> Packing:
    """The packing with the most products: two always fit, as weights and codes have at most 8 bits."""
    try:
        return Packing(weight_bits, code_bits, 4)
    except ValueError:
        return Packing(weight_bits, code_bits, 2)
