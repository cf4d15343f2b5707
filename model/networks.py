"""The networks. All take uint8 images, as the hardware does, and return real logits."""
from __future__ import annotations

from typing import Callable

import torch
from torch import nn

from .activations import Tanh


def pixel_values(images: torch.Tensor, bits: int = 8) -> torch.Tensor:
    """uint8 pixels p -> float32 x = (c + 1/2) / 2**(bits - 1) - 1 with c = p >> (8 - bits): symmetric about zero."""
    codes = torch.bitwise_right_shift(images, 8 - bits).float()
    return (codes + 0.5) * 2.0 ** (1 - bits) - 1.0


class LST(nn.Module):
    """The learned separable transform: one fully connected layer shared by all rows, then one shared by all columns.

    (N, d_in, d_in) -> (N, d_out, d_out), real; 2 (d_in + 1) d_out parameters.
    """

    def __init__(self, d_in: int, d_out: int, activation: Callable[[], nn.Module] = Tanh):
        super().__init__()
        self.rows = nn.Linear(d_in, d_out)
        self.rows_activation = activation()
        self.columns = nn.Linear(d_in, d_out)
        self.columns_activation = activation()
        for layer in (self.rows, self.columns):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.rows_activation(self.rows(x))                               # (N, r, o)
        y = self.columns_activation(self.columns(h.transpose(1, 2)))         # (N, o, p)
        return y.transpose(1, 2)                                             # (N, p, o)


class LST1(nn.Module):
    """LST, flatten, classifier: 9,474 parameters at 28x28 and ten classes.

    images: (N, d_in, d_in) uint8 -> (N, classes) real logits. Y[p, o] is flattened row-major.
    """

    kind = "LST-1"

    def __init__(self, d_in: int = 28, d_out: int = 28, classes: int = 10, activation: Callable[[], nn.Module] = Tanh):
        super().__init__()
        self.image_shape = (d_in, d_in)
        self.lst = LST(d_in, d_out, activation)
        self.classifier = nn.Linear(d_out * d_out, classes)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.lst(pixel_values(images)).flatten(1))


NETWORKS = {"lst1": LST1}
