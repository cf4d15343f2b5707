"""What a quantised network of either family offers to training, export and evaluation."""

from __future__ import annotations

import abc
from typing import List, NamedTuple, Tuple

import torch
from torch import nn

from lst_overlay.network import Network

CALIBRATION_IMAGES = 256  # that many images of the training part choose the first steps


class Codes(NamedTuple):
    """A tensor of codes, integers in floating point, and the real value of one code, with gradient."""

    codes: torch.Tensor
    step: torch.Tensor


class IntegerModule(nn.Module, abc.ABC):
    """A module that computes a network's integers, tensor for tensor equal to the NumPy reference.

    Images are uint8, (N, *image_shape).
    """

    @abc.abstractmethod
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        """Images -> the codes after each layer, the logits last, as integers in floating point.

        They have the shapes and the values that `lst_overlay.network.outputs` gives.
        """

    def logits_q(self, images: torch.Tensor) -> torch.Tensor:
        """Images -> (N, classes) int64, equal to `lst_overlay.network.logits`."""
        return self.outputs_q(images)[-1].long()


class QuantizedNetwork(IntegerModule):
    """A trainable network whose forward pass computes in the integers of the hardware.

    Its parameters are real numbers. Every forward pass makes integer codes of them, and the backward pass
    takes the gradient of rounding to be 1. `outputs_q` and `logits_q` give the integers of the network that
    `export` returns.

    family: the name of the family in `lst_overlay.network`: "lst" or "resmlp".
    kind: the architecture, such as "LST-1".
    """

    family: str
    kind: str
    image_shape: Tuple[int, ...]

    @abc.abstractmethod
    def calibrate(self, images: torch.Tensor) -> QuantizedNetwork:
        """Choose every step anew for the present weights. Returns the network itself.

        images: of the training part. ResMLP measures the range of every tensor on them. The steps of the LST
            family follow from the weights and the activation functions alone.
        """

    @abc.abstractmethod
    def take_weights(self, network: nn.Module, images: torch.Tensor) -> None:
        """Start from a trained float network of the same shape, and calibrate on the images.

        Raises RuntimeError, as torch does, if the weights do not fit.
        """

    @abc.abstractmethod
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images -> (N, classes) logits as real numbers, with gradient."""

    @abc.abstractmethod
    def export(self, name: str, provenance: dict) -> Network:
        """The integer network that this module computes. Moves the module to the CPU."""

    def functions(self) -> List[List[float]]:
        """The learned numbers of the activation functions, layer by layer; the provenance holds them.

        Empty for a family whose tables alone say what was learned.
        """
        return []
