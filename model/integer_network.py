"""A network file's integers as a torch module: the fake-quantised network without its training.

It shares the arithmetic in torch with `FakeQuantizedNetwork` and none with the NumPy reference, so that the two can be
compared on every image for any network file, whether or not the checkpoint behind it is at hand.
"""
from __future__ import annotations

import torch
from torch import nn

from lst_overlay.network import Layer, Network

from .fake_quantization import look_up, products, table_index


class IntegerLayer(nn.Module):
    """Codes in, codes out, float64 holding integers."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.axis, self.activation = layer.axis, layer.activation
        self.register_buffer("weights", torch.from_numpy(layer.weights_q).double())
        self.register_buffer("bias", torch.from_numpy(layer.bias_q).double())
        if layer.activation is not None:
            self.register_buffer("table", torch.from_numpy(layer.activation.table_q).double())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        acc = products(self.axis, self.weights, self.bias, x)
        if self.activation is None:
            return acc
        return look_up(self.table, table_index(acc, self.activation.shift, self.activation.index_width))


class IntegerNetwork(nn.Module):
    """images: (N, rows, columns) uint8 -> (N, classes) int64 logits."""

    def __init__(self, network: Network):
        super().__init__()
        self.pixel_bits = network.pixel_bits
        self.layers = nn.Sequential(*(IntegerLayer(layer) for layer in network.layers))

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.bitwise_right_shift(images, 8 - self.pixel_bits).double()).long()
