"""ResMLP for CIFAR-10 (Touvron et al., 2021), in the small form of the PSA paper.

A matrix mixes the tokens, which are patches of the image; an MLP mixes the channels of each token.
"""

from __future__ import annotations

import math
from typing import Callable, List, Optional, Union

import torch
from torch import nn

from model.kernels.products import has_bfloat16
from model.networks.activations import PSA, Activation

IMAGE, PATCH, COLOURS, CLASSES = 32, 4, 3, 10
TOKENS = (IMAGE // PATCH) ** 2  # 64
PATCH_VALUES = PATCH * PATCH * COLOURS  # 48: row, column, colour, the colour fastest
CHANNELS, BLOCKS = 96, 4
LAYER_SCALE = 0.1
# Mean and standard deviation of red, green and blue over CIFAR-10's training pixels, in 0..1.
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Affine(nn.Module):
    """y = scale x + shift for each channel.

    The scale starts small, so that a block starts close to the identity.

    It has no `forward`: its owner computes it inside the preceding matrix product, which saves a pass over
    the data.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.shift = nn.Parameter(torch.zeros(channels))


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of (N, tokens, channels), with statistics over images and tokens."""

    def forward(self, x: torch.Tensor, scale: Union[float, torch.Tensor] = 1.0) -> torch.Tensor:
        """scale: (channels,) factors of the result."""
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
    """x + affine(W norm(x) + b): a matrix over the tokens, which all channels share, and no activation."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.mix, self.affine = TokenNorm(channels), nn.Linear(TOKENS, TOKENS), Affine(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = torch.outer(self.mix.bias, self.affine.scale) + self.affine.shift
        weight = self.mix.weight.to(x.dtype)
        return torch.baddbmm(
            x + bias.to(x.dtype), weight.expand(len(x), -1, -1), self.norm(x, self.affine.scale)
        )


class ChannelMLP(nn.Module):
    """x + affine(W2 f(W1 norm(x) + b1) + b2) with ReLU for f.

    Learned functions are two: one before W1 and one before W2. They are added to the identity, or replace it.
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
            hidden = torch.relu(_linear(self.norm(x), self.expand.weight, self.expand.bias))
        else:
            hidden = _linear(learned(self.before, self.norm(x)), self.expand.weight, self.expand.bias)
            hidden = learned(self.between, hidden)
        scale, shift = self.affine.scale, self.affine.shift
        return x + _linear(hidden, scale[:, None] * self.reduce.weight, scale * self.reduce.bias + shift)


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """W x + b in x's precision."""
    return nn.functional.linear(x, weight.to(x.dtype), bias.to(x.dtype))


def learned(function: Activation, x: torch.Tensor) -> torch.Tensor:
    """The learned function of x, channels last, added to the identity unless it replaces it."""
    return function(x, -1) if function.replaces_identity else function.added_to_identity(x, -1)


class ResMLP(nn.Module):
    """(N, 32, 32, 3) uint8 -> (N, 10) real logits.

    expansion: the hidden width divided by the number of channels: 2, 1, 0.5 or 0.25, for the teacher 4.
    make: makes an activation for a number of channels; None makes ReLU.
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
        if make is not None and not make(1).is_learned:  # ReLU is computed without a module
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
        return self.head(self.norm(self.after_blocks(images)[-1]).to(self.head.weight.dtype).mean(1))

    def after_blocks(self, images: torch.Tensor, count: Optional[int] = None) -> List[torch.Tensor]:
        """The outputs (N, 64, channels) of the embedding and of every block, or of the first `count`."""
        pixels = pixel_values(patches(images), self.embed.weight.dtype).to(self._precision)
        found = [_linear(pixels, self.embed.weight, self.embed.bias)]
        for block in self.blocks[:count]:
            found.append(block(found[-1]))
        return found

    @property
    def _precision(self) -> torch.dtype:
        """That of the activations: bfloat16 in training, on processors that multiply it faster."""
        weight = self.embed.weight
        if self.training and weight.dtype == torch.float32 and has_bfloat16(weight.device.type):
            return torch.bfloat16
        return weight.dtype


def hidden_width(expansion: float, channels: int = CHANNELS) -> int:
    hidden = round(channels * expansion) if math.isfinite(expansion) else 0
    if hidden < 1:
        raise ValueError(
            f"expansion must be finite and leave at least one hidden channel of {channels}, is {expansion}"
        )
    return hidden


def patches(images: torch.Tensor, size: int = PATCH) -> torch.Tensor:
    """(N, rows, columns, colours) -> (N, patches, values).

    CIFAR-10's images have 64 patches of 48 values. Patches are in row-major order, and so are the pixels
    of each; the colour is the fastest index.
    """
    count, rows, columns, colours = images.shape
    grid = images.reshape(count, rows // size, size, columns // size, size, colours).transpose(2, 3)
    return grid.reshape(count, (rows // size) * (columns // size), size * size * colours)


def pixel_values(pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """(..., 48) uint8 -> real numbers. Over the training images each colour has mean 0 and deviation 1."""
    mean, deviation = (
        torch.tensor(values, dtype=dtype, device=pixels.device).repeat(PATCH * PATCH)
        for values in (MEAN, DEVIATION)
    )
    return (pixels.to(dtype) / 255 - mean) / deviation
