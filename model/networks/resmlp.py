"""ResMLP for CIFAR-10 (Touvron et al., 2021), in the small form of the PSA paper: tokens mixed by a matrix, channels by an MLP."""

from __future__ import annotations

import math
from typing import Callable, List, Optional, Union

import torch
from torch import nn

from model.networks.activations import PSA, Activation, BSpline, ReLU

IMAGE, PATCH, COLOURS, CLASSES = 32, 4, 3, 10
TOKENS = (IMAGE // PATCH) ** 2  # 64
PATCH_VALUES = PATCH * PATCH * COLOURS  # 48: row, column, colour, the colour fastest
CHANNELS, BLOCKS = 96, 4
LAYER_SCALE = 0.1
MEAN, DEVIATION = (
    (0.4914, 0.4822, 0.4465),
    (0.2470, 0.2435, 0.2616),
)  # of CIFAR-10's training pixels in 0..1: red, green, blue


class Affine(nn.Module):
    """y = scale x + shift, for each channel; scale begins small, so that a block begins close to the identity.

    It has no forward: being linear, it is computed inside the matrix product before it, which saves a pass over the data.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.shift = nn.Parameter(torch.zeros(channels))


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of (N, tokens, channels), its statistics over images and tokens."""

    def forward(self, x: torch.Tensor, scale: Union[float, torch.Tensor] = 1.0) -> torch.Tensor:
        """scale: (channels,), what the result is multiplied by."""
        flat = x.flatten(0, 1)  # seven times as fast as with the channels in the middle
        return nn.functional.batch_norm(
            flat,
            self.running_mean,
            self.running_var,
            self.weight * scale,
            self.bias * scale,
            self.training,
            self.momentum,
            self.eps,
        ).view_as(x)


class TokenMixer(nn.Module):
    """x + affine(W norm(x) + b): one matrix over the tokens, shared by all channels; no function."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.mix, self.affine = TokenNorm(channels), nn.Linear(TOKENS, TOKENS), Affine(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = torch.outer(self.mix.bias, self.affine.scale) + self.affine.shift
        return torch.baddbmm(
            x + bias, self.mix.weight.expand(len(x), -1, -1), self.norm(x, self.affine.scale)
        )


class ChannelMLP(nn.Module):
    """x + affine(W2 f(W1 norm(x) + b1) + b2) with a fixed f; learned functions stand before W1 and before W2 instead.

    Learned functions are added to the identity, B-splines take its place.
    """

    def __init__(self, channels: int, hidden: int, make: Optional[Callable[[int], Activation]]):
        super().__init__()
        self.norm = TokenNorm(channels)
        self.before, self.between = (None, None) if make is None else (make(channels), make(hidden))
        self.expand, self.reduce, self.affine = (
            nn.Linear(channels, hidden),
            nn.Linear(hidden, channels),
            Affine(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.before is None:
            hidden = torch.relu(self.expand(self.norm(x)))
        else:
            hidden = learned(self.between, self.expand(learned(self.before, self.norm(x))))
        scale, shift = self.affine.scale, self.affine.shift
        return x + nn.functional.linear(
            hidden, scale[:, None] * self.reduce.weight, scale * self.reduce.bias + shift
        )


def learned(function: Activation, x: torch.Tensor) -> torch.Tensor:
    """A network's learned function, channels last: what it adds to the identity, or the B-spline itself."""
    return function(x, -1) if isinstance(function, BSpline) else function.added_to_identity(x, -1)


class ResMLP(nn.Module):
    """(N, 32, 32, 3) uint8 -> (N, 10) real logits.

    expansion: h, the hidden width over the channels' (2, 1, 0.5, 0.25; the teacher's is 4). make: of a width, a learned activation with a
    function for each channel; None: ReLU. Two of them in each block, added to the identity, a B-spline instead of it.
    """

    family = "resmlp"
    kind = "ResMLP"
    image_shape = (IMAGE, IMAGE, COLOURS)

    def __init__(
        self,
        expansion: float = 1.0,
        make: Optional[Callable[[int], Activation]] = None,
        *,
        channels: int = CHANNELS,
        blocks: int = BLOCKS,
    ):
        super().__init__()
        hidden = hidden_width(expansion, channels)
        if make is not None and isinstance(make(1), ReLU):
            make = None
        self.embed = nn.Linear(PATCH_VALUES, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(TokenMixer(channels), ChannelMLP(channels, hidden, make)) for _ in range(blocks)
        )
        self.norm, self.head = TokenNorm(channels), nn.Linear(channels, CLASSES)
        for module in self.modules():
            if isinstance(module, PSA):
                module.begin_in_residual()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.after_blocks(images)[-1]).mean(1))

    def after_blocks(self, images: torch.Tensor, count: Optional[int] = None) -> List[torch.Tensor]:
        """(N, 64, channels) behind the embedding and behind each block, or behind the first `count`."""
        found = [self.embed(pixel_values(patches(images), self.embed.weight.dtype))]
        for block in self.blocks[:count]:
            found.append(block(found[-1]))
        return found


def hidden_width(expansion: float, channels: int = CHANNELS) -> int:
    hidden = round(channels * expansion) if math.isfinite(expansion) else 0
    if hidden < 1:
        raise ValueError(
            f"expansion must be finite and leave at least one hidden channel of {channels}, is {expansion}"
        )
    return hidden


def patches(images: torch.Tensor, size: int = PATCH) -> torch.Tensor:
    """(N, 32, 32, 3) -> (N, 64, 48): patches of 4 x 4 pixels, row by row, each flattened row, column, colour. Other sizes likewise."""
    count, rows, columns, colours = images.shape
    grid = images.reshape(count, rows // size, size, columns // size, size, colours).transpose(2, 3)
    return grid.reshape(count, (rows // size) * (columns // size), size * size * colours)


def pixel_values(pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """(..., 48) uint8 -> real numbers, each colour with mean 0 and deviation 1 over the training images."""
    mean, deviation = (
        torch.tensor(values, dtype=dtype, device=pixels.device).repeat(PATCH * PATCH)
        for values in (MEAN, DEVIATION)
    )
    return (pixels.to(dtype) / 255 - mean) / deviation
