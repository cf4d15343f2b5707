"""The teacher of the LST networks: a convolutional network whose logits they learn from.

It has no form in hardware.
"""

from __future__ import annotations

import torch
from torch import nn

from model.networks.lst import pixel_values


class Teacher(nn.Module):
    """Five 3 x 3 convolutions with batch normalisation, a mean over the image, and a classifier.

    It has 70,330 parameters.

    images: (N, rows, columns) uint8 -> (N, classes) real logits.
    """

    kind = "CNN"

    def __init__(self, channels=(16, 32, 64), classes: int = 10):
        super().__init__()
        first, second, third = channels
        self.layers = nn.Sequential(
            *_block(1, first, 1),
            *_block(first, second, 2),
            *_block(second, second, 1),
            *_block(second, third, 2),
            *_block(third, third, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(third, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = pixel_values(images)[:, None].contiguous(memory_format=torch.channels_last)
        return self.layers(pixels)


def _block(fan_in: int, fan_out: int, stride: int) -> tuple:
    return (nn.Conv2d(fan_in, fan_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU())
