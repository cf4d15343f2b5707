"""Activations: one-dimensional functions, each a module, so that a network takes whichever it is given.

What the exporter needs of one, besides `forward`, is `on_grid`: the function in float64, from which the table is made.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn


class Tanh(nn.Module):
    """tanh, the same for every channel."""

    name = "tanh"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., channels) real -> the same shape, in -1..1."""
        return torch.tanh(x)

    def on_grid(self, grid: np.ndarray) -> np.ndarray:
        """grid: (points,) float64 -> (points,) float64."""
        return np.tanh(grid)


ACTIVATIONS = {Tanh.name: Tanh}
