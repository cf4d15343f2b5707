"""Augmentation: every image of a batch gets its own random rotation, scale, shift and shear, and is bent like a sheet of rubber."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

_COARSE = 6  # points of the elastic grid to a side: one for about five pixels


@dataclass(frozen=True)
class Augmentation:
    """Half-widths of uniform distributions. shift is in parts of the half image, shear in x per y.

    elastic: standard deviation, in pixels, of displacements drawn on a coarse grid and continued smoothly between its points.
    copies: how many augmented copies of the training images are made once and used in turn, an epoch each; 0: new ones every epoch.
    """

    rotate_degrees: float = 12.0
    scale: float = 0.12
    shift: float = 0.08
    shear: float = 0.15
    elastic: float = 0.0
    copies: int = 0

    def __post_init__(self):
        for key, value in vars(self).items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{key} must not be negative, is {value}")
        if self.scale >= 1:
            raise ValueError(f"scale must be below 1, is {self.scale}")

    def halved(self) -> Augmentation:
        """The same with half the distortions."""
        return replace(
            self,
            **{
                key: getattr(self, key) / 2
                for key in ("rotate_degrees", "scale", "shift", "shear", "elastic")
            },
        )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N, rows, columns) uint8 -> the same shape and type; dark outside the image. The generator lives on the CPU."""
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
            grid = grid + bend.permute(0, 2, 3, 1) * (
                2 * self.elastic / pixels.shape[-1]
            )  # the grid's unit is the half image
        moved = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return (moved[:, 0] + 0.5).to(torch.uint8)


@functools.lru_cache(maxsize=4)
def _bicubic(rows: int, columns: int) -> torch.Tensor:
    """(_COARSE**2, rows * columns): what each point of the coarse grid contributes to each pixel."""
    points = torch.eye(_COARSE * _COARSE).view(-1, 1, _COARSE, _COARSE)
    return F.interpolate(points, (rows, columns), mode="bicubic", align_corners=True).flatten(1)
