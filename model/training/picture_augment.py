"""Augmentation of colour images: crop and mirror, then operations of RandAugment (Cubuk et al., CVPR 2020).

Each image of a batch draws its own operations, and those that drew the same one are computed together. The
strengths are RandAugment's usual ones. Unlike in other implementations, geometric operations interpolate
linearly and are centred on the image, and equalisation uses exact ranks.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, StrictBool, StrictInt
from pydantic.dataclasses import dataclass

from model.training.checked import CHECKED, Count

STRENGTHS = 30  # magnitude counts from 0 to this


@dataclass(frozen=True, config=CHECKED)
class PictureAugmentation:
    """The augmentation of a recipe for CIFAR-10.

    crop: the width in pixels of a black border, in which a window of the image's size is drawn.
    mirror: whether half of the images, drawn at random, are mirrored.
    operations: how many operations each image passes, of RandAugment's fourteen with equal probability.
    magnitude: the strength of the operations, 0 to 30.
    cutout: the side in pixels of a black square, whose centre is drawn within the image; 0 for none.
    copies: how many augmented copies of the training images are made once; successive epochs train on
    successive copies, and the first follows the last. They are mirrored anew in each epoch. With 0, every
    epoch augments anew.
    """

    crop: Annotated[StrictInt, Field(ge=0, le=16)] = 4
    mirror: StrictBool = True
    operations: Annotated[StrictInt, Field(ge=0, le=8)] = 0
    magnitude: Annotated[StrictInt, Field(ge=0, le=STRENGTHS)] = 9

    cutout: Annotated[StrictInt, Field(ge=0, le=32)] = 0
    copies: Count = 0

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N, rows, columns, 3) uint8 -> the same shape and type. The generator is on the CPU.

        What is to be a copy is not mirrored.
        """
        images = self._windows(images, generator)
        for _ in range(self.operations):
            drawn = torch.randint(len(OPERATIONS), (len(images),), generator=generator)
            sign = torch.randint(2, (len(images),), generator=generator).mul(2).sub(1)
            for number, operation in enumerate(OPERATIONS):
                chosen = (drawn == number).nonzero()[:, 0].to(images.device)
                if len(chosen):
                    strength = (self.magnitude / STRENGTHS * sign[chosen.cpu()]).to(images.device)
                    images[chosen] = (
                        operation(images[chosen].float(), strength).round().clamp(0, 255).to(torch.uint8)
                    )
        return self._cut(images, generator) if self.cutout else images

    def of_copy(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What an epoch makes of images of a copy."""
        if not self.mirror:
            return images
        mirrored = torch.randint(2, (len(images),), generator=generator).bool().to(images.device)
        return torch.where(mirrored[:, None, None, None], images.flip(2), images)

    def _cut(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, rows, columns = images.shape[:3]
        row, column = (torch.randint(side, (count, 1), generator=generator) for side in (rows, columns))
        inside = [
            (torch.arange(side) >= centre - self.cutout // 2)
            & (torch.arange(side) < centre + (self.cutout + 1) // 2)
            for side, centre in ((rows, row), (columns, column))
        ]
        covered = (inside[0][:, :, None] & inside[1][:, None]).to(images.device)
        return images.masked_fill(covered[..., None], 0)

    def _windows(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, rows, columns = images.shape[:3]
        begin = torch.randint(2 * self.crop + 1, (2, count, 1), generator=generator)
        row, column = begin[0] + torch.arange(rows), begin[1] + torch.arange(columns)
        if self.mirror and not self.copies:
            mirrored = torch.randint(2, (count, 1), generator=generator).bool()
            column = torch.where(mirrored, column.flip(1), column)
        padded = F.pad(images, (0, 0, self.crop, self.crop, self.crop, self.crop))
        row, column = row[:, :, None].to(images.device), column[:, None].to(images.device)
        return padded[torch.arange(count, device=images.device)[:, None, None], row, column]


# The operations map images (N, rows, columns, 3) float32 in 0..255, and a strength (N,) in -1..1, to images
# that are not yet rounded.


def _moved(images: torch.Tensor, **entries: torch.Tensor) -> torch.Tensor:
    """Take each pixel from the place to which the matrix [[xx, xy, x], [yx, yy, y]] maps it; black outside.

    Coordinates are relative to the centre, and their unit is half the image.
    """
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1.0
    for name, values in entries.items():
        theta[:, "xy".index(name[0]), 2 if len(name) == 1 else "xy".index(name[1])] = values
    pixels = images.permute(0, 3, 1, 2)
    grid = F.affine_grid(theta, pixels.shape, align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False).permute(
        0, 2, 3, 1
    )


def _rotated(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    angle = strength * math.radians(30)
    cos, sin = torch.cos(angle), torch.sin(angle)
    return _moved(images, xx=cos, xy=-sin, yx=sin, yy=cos)


def _mixed(images: torch.Tensor, other: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Move the image away from the other one, or towards it if the strength is negative."""
    return other + (1 + 0.9 * strength)[:, None, None, None] * (images - other)


def _grey(images: torch.Tensor) -> torch.Tensor:
    """(N, rows, columns, 1) luma of ITU-R BT.601."""
    return images @ torch.tensor([[0.299], [0.587], [0.114]], device=images.device)


def _blurred(images: torch.Tensor) -> torch.Tensor:
    """The mean over 3 x 3 pixels, in which the centre counts five times. The border stays as it is."""
    kernel = torch.ones(3, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5.0
    blurred = images.clone()
    blurred[:, 1:-1, 1:-1] = F.conv2d(images.permute(0, 3, 1, 2), kernel / 13, groups=3).permute(0, 2, 3, 1)
    return blurred


def _stretched(images: torch.Tensor) -> torch.Tensor:
    """Stretch each colour linearly, so that its values cover 0 to 255."""
    low, high = images.amin((1, 2), keepdim=True), images.amax((1, 2), keepdim=True)
    return torch.where(high > low, (images - low) * 255 / (high - low).clamp(min=1), images)


def _equalized(images: torch.Tensor) -> torch.Tensor:
    """Replace the values of each colour by their ranks, so that all are about equally frequent."""
    count, rows, columns = images.shape[:3]
    codes = images.permute(0, 3, 1, 2).reshape(count * 3, -1).long()
    histogram = torch.zeros(count * 3, 256, device=images.device).scatter_add_(
        1, codes, torch.ones_like(codes, dtype=torch.float32)
    )
    below = histogram.cumsum(1) - histogram
    last = histogram.gather(1, codes.amax(1, keepdim=True))  # pixels of the greatest value
    ranks = below * 255 / (rows * columns - last).clamp(min=1)
    equalized = torch.where(last < rows * columns, ranks.gather(1, codes), codes.float())
    return equalized.view(count, 3, rows, columns).permute(0, 2, 3, 1)


OPERATIONS = (
    lambda images, strength: images,
    lambda images, strength: _moved(images, xy=0.3 * strength),
    lambda images, strength: _moved(images, yx=0.3 * strength),
    lambda images, strength: _moved(images, x=0.9 * strength),
    lambda images, strength: _moved(images, y=0.9 * strength),
    _rotated,
    lambda images, strength: _mixed(images, torch.zeros_like(images), strength),  # brightness
    lambda images, strength: _mixed(images, _grey(images), strength),  # colour
    lambda images, strength: _mixed(
        images, _grey(images).mean((1, 2, 3), keepdim=True), strength
    ),  # contrast
    lambda images, strength: _mixed(images, _blurred(images), strength),  # sharpness
    lambda images, strength: (
        images - images % 2.0 ** torch.round(4 * strength.abs())[:, None, None, None]
    ),  # fewer bits: 4 at least
    lambda images, strength: torch.where(
        images < 255 * (1 - strength.abs())[:, None, None, None], images, 255 - images
    ),  # solarise
    lambda images, strength: _stretched(images),
    lambda images, strength: _equalized(images),
)
