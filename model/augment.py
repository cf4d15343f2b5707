"""Affine augmentation: every image of a batch gets its own random rotation, scale, shift and shear."""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Augmentation:
    """Half-widths of uniform distributions. shift is in parts of the half image, shear in x per y."""

    rotate_degrees: float = 12.0
    scale: float = 0.12
    shift: float = 0.08
    shear: float = 0.15

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N, rows, columns) uint8 -> the same shape and type; dark outside the image. The generator lives on the CPU."""
        count = len(images)
        draw = (torch.rand(6, count, generator=generator) * 2 - 1).to(images.device)
        angle = draw[0] * math.radians(self.rotate_degrees)
        scale_x, scale_y = 1 + draw[1] * self.scale, 1 + draw[2] * self.scale
        shear = draw[3] * self.shear
        cos, sin = torch.cos(angle), torch.sin(angle)
        # rotation . [[scale_x, shear], [0, scale_y]], with the shift as third column
        theta = torch.stack([scale_x * cos, shear * cos - scale_y * sin, draw[4] * self.shift,
                             scale_x * sin, shear * sin + scale_y * cos, draw[5] * self.shift], dim=1).view(count, 2, 3)
        pixels = images[:, None].float()
        grid = F.affine_grid(theta, pixels.shape, align_corners=False)
        moved = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return (moved[:, 0] + 0.5).to(torch.uint8)
