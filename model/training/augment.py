"""Augmentation of digits: random rotation, scale, shift, shear and elastic deformation of each image."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, StrictFloat
from pydantic.dataclasses import dataclass

from model.training.checked import CHECKED, Count, NonNegative

_COARSE = 6  # points of the elastic grid to a side: one for about five pixels


@dataclass(frozen=True, config=CHECKED)
class Augmentation:
    """The half-widths of uniform distributions. shift is a fraction of half the image, shear is in x per y.

    elastic: the standard deviation, in pixels, of displacements drawn on a coarse grid and interpolated
    smoothly between its points.
    copies: how many augmented copies of the training images are made once; successive epochs train on
    successive copies, and the first follows the last. With 0, every epoch augments anew.
    """

    rotate_degrees: NonNegative = 12.0
    scale: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.12
    shift: NonNegative = 0.08
    shear: NonNegative = 0.15
    elastic: NonNegative = 0.0
    copies: Count = 0

    def halved(self) -> Augmentation:
        """The augmentation with half of every distortion and as many copies."""
        return replace(
            self,
            **{
                key: getattr(self, key) / 2
                for key in ("rotate_degrees", "scale", "shift", "shear", "elastic")
            },
        )

    def of_copy(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What an epoch makes of images of a copy: the same images."""
        return images

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N, rows, columns) uint8 -> the same shape and type, with zeros outside the image.

        The generator is on the CPU.
        """
        count = len(images)
        draw = (torch.rand(6, count, generator=generator) * 2 - 1).to(images.device)
        angle = draw[0] * math.radians(self.rotate_degrees)
        scale_x, scale_y = 1 + draw[1] * self.scale, 1 + draw[2] * self.scale
        shear = draw[3] * self.shear
        cos, sin = torch.cos(angle), torch.sin(angle)
        # rotation . [[scale_x, shear], [0, scale_y]], with the shift as third column
        theta = torch.stack(
            [
                scale_x * cos,
                shear * cos - scale_y * sin,
                draw[4] * self.shift,
                scale_x * sin,
                shear * sin + scale_y * cos,
                draw[5] * self.shift,
            ],
            dim=1,
        ).view(count, 2, 3)
        pixels = images[:, None].float()
        grid = F.affine_grid(theta, pixels.shape, align_corners=False)
        if self.elastic:
            drawn = torch.randn(count, 2, _COARSE * _COARSE, generator=generator).to(images.device)
            bend = (drawn @ _bicubic(*pixels.shape[2:]).to(images.device)).view(count, 2, *pixels.shape[2:])
            deviation = 2 * self.elastic / pixels.shape[-1]  # the grid's unit is half the image
            grid = grid + bend.permute(0, 2, 3, 1) * deviation
        moved = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return (moved[:, 0] + 0.5).to(torch.uint8)


@functools.lru_cache(maxsize=4)
def _bicubic(rows: int, columns: int) -> torch.Tensor:
    """(_COARSE**2, rows * columns): what each point of the coarse grid contributes to each pixel."""
    points = torch.eye(_COARSE * _COARSE).view(-1, 1, _COARSE, _COARSE)
    return F.interpolate(points, (rows, columns), mode="bicubic", align_corners=True).flatten(1)
