"""The teacher of the ResMLPs: a convolutional network for CIFAR-10. It has no form in hardware.

Two ideas are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498): the first
convolution decorrelates the pixels and is not trained, and convolutions start as the identity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from model.kernels.products import bfloat16_products
from model.networks.resmlp import COLOURS, DEVIATION, IMAGE, MEAN

PATCH = 2  # of the decorrelating convolution
BIAS_GAIN = 8.0  # biases learn faster by its square than weights
LOGIT_GAIN = 1 / 9


class Normalised(nn.BatchNorm2d):
    """Batch normalisation with a bias that learns BIAS_GAIN^2 times as fast, no factor, and GELU."""

    def __init__(self, channels: int):
        super().__init__(channels, momentum=0.4, affine=False)
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = BIAS_GAIN * self.shift  # float32, whatever x is
        return F.gelu(
            F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                torch.ones_like(bias),
                bias,
                self.training,
                self.momentum,
                self.eps,
            )
        )


def _convolution(fan_in: int, fan_out: int) -> nn.Conv2d:
    """A 3 x 3 convolution whose first outputs are, before training, its inputs."""
    convolution = nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight[: min(fan_in, fan_out)].data)
    return convolution


class VGG(nn.Module):
    """A decorrelating convolution, three stages of two 3 x 3 convolutions each, and a classifier.

    images: (N, 32, 32, 3) uint8 -> (N, classes) real logits. In evaluation mode they are the mean over the
    image and its mirror image.
    """

    kind = "VGG"
    image_shape = (IMAGE, IMAGE, COLOURS)

    def __init__(self, channels=(64, 256, 256), classes: int = 10):
        super().__init__()
        values = COLOURS * PATCH * PATCH
        self.decorrelate = nn.Conv2d(COLOURS, 2 * values, PATCH)
        self.decorrelate.weight.requires_grad = False
        self.stages, fan_in = nn.Sequential(), 2 * values
        for fan_out in channels:
            self.stages.append(
                nn.Sequential(
                    _convolution(fan_in, fan_out),
                    nn.MaxPool2d(2),
                    Normalised(fan_out),
                    _convolution(fan_out, fan_out),
                    Normalised(fan_out),
                )
            )
            fan_in = fan_out
        self.classify = nn.Linear(fan_in, classes, bias=False)

    @torch.no_grad()
    def begin(self, images: torch.Tensor) -> None:
        """Choose the first convolution so that its outputs over (N, 32, 32, 3) images are uncorrelated."""
        pixels = self._pixels(images)
        patches = F.unfold(pixels, PATCH).transpose(1, 2).flatten(0, 1).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (
            (vectors / (values + 5e-4).sqrt()).T.flip(0).float().view(-1, *pixels.shape[1:2], PATCH, PATCH)
        )
        self.decorrelate.weight.copy_(torch.cat([filters, -filters]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = self._pixels(images)
        if self.training:
            return self._logits(pixels)
        return (self._logits(pixels) + self._logits(pixels.flip(3))) / 2

    def _logits(self, pixels: torch.Tensor) -> torch.Tensor:
        with bfloat16_products(pixels.device):
            x = self.stages(F.gelu(self.decorrelate(pixels)))
            x = x.amax((2, 3))
            return LOGIT_GAIN * self.classify(x).float()

    @staticmethod
    def _pixels(images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 32, 32) real numbers, channels last in memory."""
        mean, deviation = (torch.tensor(values, device=images.device) for values in (MEAN, DEVIATION))
        return ((images.float() / 255 - mean) / deviation).permute(0, 3, 1, 2)
