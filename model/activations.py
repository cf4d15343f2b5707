"""Activations: one-dimensional functions, each a module, so that a network takes whichever it is given.

What the exporter needs of one, besides `forward`, is `on_grid`, the function in float64 from which the table is made, and
`learned`, the numbers that make it what it is; `take` gives them back.
"""
from __future__ import annotations

from typing import List

import numpy as np
import torch
from torch import nn

RANGE = 4.0  # a learned function's knots lie in -RANGE .. RANGE; tanh(4) = 0.9993


class Tanh(nn.Module):
    """tanh, the same for every channel."""

    name = "tanh"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., channels) real -> the same shape, in -1..1."""
        return torch.tanh(x)

    def on_grid(self, grid: np.ndarray) -> np.ndarray:
        """grid: (points,) float64 -> (points,) float64."""
        return np.tanh(grid)

    def learned(self) -> List[float]:
        return []

    def take(self, learned: List[float]) -> None:
        """Nothing: tanh has no numbers of its own."""


class _Interpolate(torch.autograd.Function):
    """Linear interpolation between knots at -RANGE .. RANGE, held outside.

    Its own backward: the gradient of the knots is two weighted histograms, many times faster than scattering element by element.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        last = len(values) - 1
        position = ((x + RANGE) * (last / (2 * RANGE))).clamp(0, last)
        index = position.floor().clamp(max=last - 1).long()
        fraction = position - index
        ctx.save_for_backward(x, values, index, fraction)
        low, high = values[index], values[index + 1]
        return low + fraction * (high - low)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        x, values, index, fraction = ctx.saved_tensors
        last = len(values) - 1
        slope = (values[index + 1] - values[index]) * (last / (2 * RANGE))
        of_x = gradient * slope * (x.abs() <= RANGE)
        upper = gradient * fraction
        place = index.reshape(-1)
        of_values = torch.bincount(place, (gradient - upper).reshape(-1), len(values))
        of_values = of_values + torch.bincount(place + 1, upper.reshape(-1), len(values))
        return of_x, of_values.to(values.dtype)


class PiecewiseLinear(nn.Module):
    """A learned function of one variable, the same for every channel: 33 knots on -4..4, begun as tanh, kept within -1..1.

    For the hardware it costs what tanh costs: both are a table.
    """

    name = "piecewise_linear"

    def __init__(self, knots: int = 33):
        super().__init__()
        if knots < 2:
            raise ValueError(f"a piecewise linear function needs at least 2 knots, not {knots}")
        self.values = nn.Parameter(torch.tanh(torch.linspace(-RANGE, RANGE, knots)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: any shape, real -> the same shape, in -1..1."""
        return _Interpolate.apply(x, self.values.clamp(-1, 1).to(x.dtype))

    def on_grid(self, grid: np.ndarray) -> np.ndarray:
        """grid: (points,) float64 -> (points,) float64."""
        values = self.values.detach().double().clamp(-1, 1).numpy()
        return np.interp(grid, np.linspace(-RANGE, RANGE, len(values)), values)

    def learned(self) -> List[float]:
        """The value at each knot, before it is kept within -1..1."""
        return self.values.tolist()

    def take(self, learned: List[float]) -> None:
        self.values = nn.Parameter(torch.tensor(learned, dtype=self.values.dtype))


ACTIVATIONS = {kind.name: kind for kind in (Tanh, PiecewiseLinear)}
