"""A network file of the LST family in torch: the quantised network without its training.

It shares the arithmetic in torch with `QuantizedLST` and none with the NumPy reference, so that the two can
be compared on every image for any network file, whether or not the checkpoint behind it is at hand.
"""

from __future__ import annotations

from typing import List

import torch
from torch import nn

from lst_overlay.network import Layer, LSTNetwork
from model.kernels.lookup import look_up
from model.networks.lst import columns_first
from model.quantized.lst import CHANNEL_AXIS, images_first, products
from model.quantized.network import IntegerModule


class IntegerLayer(nn.Module):
    """Codes in, codes out, in the layout of `products`: integers in float64."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.axis, self.activation, self.add = layer.axis, layer.activation, layer.add
        self.register_buffer("weights", torch.tensor(layer.weights_q, dtype=torch.float64))
        self.register_buffer("bias", torch.tensor(layer.bias_q, dtype=torch.float64))
        if layer.activation is not None:
            table = torch.tensor(layer.activation.table_q, dtype=torch.float64)
            self.register_buffer("table", table.reshape(-1, 1 << layer.activation.index_width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        acc = products(self.axis, self.weights, self.bias, x)
        if self.activation is None:
            return acc
        return look_up(acc, self.table, self.activation.shift, CHANNEL_AXIS[self.axis])


class IntegerLST(IntegerModule):
    """A network file's integers in torch."""

    def __init__(self, network: LSTNetwork):
        super().__init__()
        self.pixel_bits, self.rows_per_vector = network.pixel_bits, network.rows_per_vector
        self.layers = nn.ModuleList(IntegerLayer(layer) for layer in network.layers)

    @torch.no_grad()
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        columns = columns_first(images, self.rows_per_vector)
        x = torch.bitwise_right_shift(columns, 8 - self.pixel_bits).double()
        outputs: List[torch.Tensor] = []
        for layer in self.layers:
            x = layer(x) if layer.add is None else layer(x) + outputs[layer.add]
            outputs.append(x)
        return [images_first(x) for x in outputs]
