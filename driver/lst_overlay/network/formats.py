"""Number formats: the one place where a real number becomes an integer code.

A code is an integer; the value it stands for is ``code * step``. Codes round to nearest with ties up,
``floor(x + 0.5)``, and saturate. Whoever turns numbers into codes in NumPy calls `quantize`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np


def code_range(width: int, signed: bool = True) -> tuple:
    """(lowest, highest) code of ``width`` bits."""
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)


def quantize(values, step: float, low: int, high: int) -> np.ndarray:
    """Real values -> int64 codes: nearest multiple of ``step``, ties up, saturated to low..high.

    Raises ValueError for a step that is not a positive finite number and for NaN among the values.
    """
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step must be a positive finite number, not {step}")
    values = np.asarray(values, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(f"values must not be NaN; {int(np.isnan(values).sum())} of {values.size} are")
    with np.errstate(over="ignore"):  # a quotient beyond float64 is infinite, and saturates as it should
        return np.clip(np.floor(values / step + 0.5), low, high).astype(np.int64)


@dataclass(frozen=True)
class QFormat:
    """Signed fixed point Qm.n. The sign bit counts in m: width m + n bits, value = code / 2**n."""

    int_bits: int
    frac_bits: int

    def __post_init__(self):
        if self.int_bits < 1:
            raise ValueError(f"int_bits must be at least 1 (it holds the sign), not {self.int_bits}")
        if self.frac_bits < 0:
            raise ValueError(f"frac_bits must be at least 0, not {self.frac_bits}")
        if self.width > 32:
            raise ValueError(f"width must be at most 32 bits, not {self.width}")

    @classmethod
    def parse(cls, text: str) -> QFormat:
        """'Q6.7' -> QFormat(6, 7)."""
        match = re.fullmatch(r"[Qq](\d+)\.(\d+)", text)
        if match is None:
            raise ValueError(f"a number format reads Qm.n, such as Q6.7, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"Q{self.int_bits}.{self.frac_bits}"

    @property
    def width(self) -> int:
        return self.int_bits + self.frac_bits

    @property
    def step(self) -> float:
        return 2.0**-self.frac_bits

    @property
    def min_code(self) -> int:
        return code_range(self.width)[0]

    @property
    def max_code(self) -> int:
        return code_range(self.width)[1]

    def quantize(self, values) -> np.ndarray:
        """Real values -> int64 codes of this format."""
        return quantize(values, self.step, self.min_code, self.max_code)

    def dequantize(self, codes) -> np.ndarray:
        """Codes -> float64 values."""
        return np.asarray(codes, dtype=np.float64) * self.step
