"""ResMLP for CIFAR-10 (Touvron et al., 2021), in the small form of the PSA paper: tokens mixed by a matrix, channels by an MLP."""
from __future__ import annotations

from typing import Callable, List, Optional

import torch
from torch import nn

from .activations import Activation, BSpline, ReLU

IMAGE, PATCH, COLOURS, CLASSES = 32, 4, 3, 10
TOKENS = (IMAGE // PATCH) ** 2            # 64
PATCH_VALUES = PATCH * PATCH * COLOURS    # 48: row, column, colour, the colour fastest
LAYER_SCALE = 0.1


class Affine(nn.Module):
    """y = scale x + shift, for each channel; scale begins small, so that a block begins close to the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x + self.shift


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of (N, tokens, channels), its statistics over images and tokens."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class TokenMixer(nn.Module):
    """x + affine(W x): one matrix over the tokens, shared by all channels; no function."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.mix, self.affine = TokenNorm(channels), nn.Linear(TOKENS, TOKENS), Affine(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.affine(self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2))


class Learned(nn.Module):
    """A learned function for each channel; with ``residual`` it is what is added to the identity."""

    def __init__(self, function: Activation, residual: bool):
        super().__init__()
        self.function, self.residual = function, residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.function(x, channel_axis=-1)
        return x + y if self.residual else y


class ChannelMLP(nn.Module):
    """x + affine(W2 f(W1 x)) with a fixed f; learned functions stand before W1 and before W2 instead."""

    def __init__(self, channels: int, hidden: int, make: Optional[Callable[[int], Activation]]):
        super().__init__()
        self.norm = TokenNorm(channels)
        self.before, self.between = nn.Identity(), nn.ReLU()
        if make is not None:
            self.before, self.between = (Learned(function, residual=not isinstance(function, BSpline))
                                         for function in (make(channels), make(hidden)))
        self.expand, self.reduce, self.affine = nn.Linear(channels, hidden), nn.Linear(hidden, channels), Affine(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.affine(self.reduce(self.between(self.expand(self.before(self.norm(x))))))


class ResMLP(nn.Module):
    """(N, 32, 32, 3) real pixels -> (N, 10) logits.

    expansion: h, the hidden width over the channels' (2, 1, 0.5, 0.25; the teacher's is 4). make: of a width, a learned activation with a
    function for each channel; None: ReLU. Two of them in each block, added to the identity, a B-spline instead of it.
    """

    def __init__(self, expansion: float = 1.0, make: Optional[Callable[[int], Activation]] = None, channels: int = 96, blocks: int = 4):
        super().__init__()
        hidden = round(channels * expansion)
        if hidden < 1:
            raise ValueError(f"expansion must leave at least one hidden channel of {channels}, is {expansion}")
        if make is not None and isinstance(make(1), ReLU):
            make = None
        self.embed = nn.Linear(PATCH_VALUES, channels)
        self.blocks = nn.ModuleList(nn.Sequential(TokenMixer(channels), ChannelMLP(channels, hidden, make)) for _ in range(blocks))
        self.norm, self.head = TokenNorm(channels), nn.Linear(channels, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.after_blocks(images)[-1]).mean(1))

    def after_blocks(self, images: torch.Tensor) -> List[torch.Tensor]:
        """(N, 64, channels) behind the embedding and behind each block: what a student is taught block by block."""
        found = [self.embed(patches(images))]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found

    def total_variation(self) -> torch.Tensor:
        """Of all B-splines; 0 without one."""
        return sum((module.total_variation() for module in self.modules() if isinstance(module, BSpline)), torch.zeros(()))


def patches(images: torch.Tensor) -> torch.Tensor:
    """(N, 32, 32, 3) -> (N, 64, 48): patches of 4 x 4 pixels, row by row, each flattened row, column, colour."""
    grid = IMAGE // PATCH
    return images.reshape(-1, grid, PATCH, grid, PATCH, COLOURS).transpose(2, 3).reshape(-1, TOKENS, PATCH_VALUES)
