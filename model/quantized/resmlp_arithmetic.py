"""The layers of ResMLP networks on torch tensors of codes.

Codes are integers in float32, which is exact because no sum has more than 24 bits.
The backward pass takes the gradient of rounding to be 1, and that of clipping to be 0. Nothing here is
shared with the NumPy reference, so that the two can be compared.
"""

from __future__ import annotations

from typing import List, Optional

import torch
from torch import nn

from lst_overlay.network.resmlp import Add, Affine, Axis, Classifier, Matrix, Mean, ResMLPNetwork, Table
from lst_overlay.network.resmlp.layers import HIGH, LOW, TABLE_STRIDE
from model.kernels.lookup import look_up
from model.kernels.saturation import floor_clip
from model.networks.resmlp import PATCH, patches
from model.quantized.lst import round_half_up
from model.quantized.network import IntegerModule


def pixel_codes(images: torch.Tensor, patch: int = PATCH) -> torch.Tensor:
    """(N, rows, columns, colours) uint8 -> (N, tokens, values) float32, -128..127."""
    return patches(images, patch).float() + LOW


def floored(x: torch.Tensor, low: int = LOW) -> torch.Tensor:
    """floor(x), clipped. The caller has added the half that makes it a rounding."""
    return floor_clip(x, low, HIGH)


def scaled(weights: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The weights times 2**-shift: the floor of a sum of their products is the shifted sum."""
    factor = torch.exp2(-shift)
    return (weights * (factor[:, None] if weights.dim() == 2 else factor)).float()


def matrix(
    axis: str, x: torch.Tensor, weights: torch.Tensor, shift: torch.Tensor, bias: torch.Tensor, relu: bool
) -> torch.Tensor:
    """x: (N, tokens, channels); weights (fan_out, fan_in), shift and bias (fan_out,), integers in float64."""
    weights, bias = scaled(weights, shift), (bias + 0.5).float()
    if axis == Axis.CHANNELS:
        acc = nn.functional.linear(x, weights, bias)
    else:
        acc = torch.baddbmm(bias[:, None], weights.expand(len(x), -1, -1), x)
    return floored(acc, 0 if relu else LOW)


def affine(x: torch.Tensor, weights: torch.Tensor, shift: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return floored(torch.addcmul((bias + 0.5).float(), x, scaled(weights, shift)))


def expanded(knots: torch.Tensor) -> torch.Tensor:
    """(channels, 64) table -> (channels, 256): linear between two entries, constant after the last."""
    begin, rise = knots[:, :, None], torch.cat([knots, knots[:, -1:]], dim=1).diff(dim=1)[:, :, None]
    part = torch.arange(TABLE_STRIDE, dtype=knots.dtype, device=knots.device)
    return (begin + round_half_up(rise * part / TABLE_STRIDE)).flatten(1)


def add(x: torch.Tensor, source: torch.Tensor, weights: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return floored(x + floored(source * scaled(weights, shift) + 0.5))


def mean(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return floored(x.sum(1) * torch.exp2(-shift).float() + 0.5)


def classifier(x: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Exact: sums and biases have fewer than 24 bits each, and the logits are float64."""
    return nn.functional.linear(x, weights.float()).double() + bias


class IntegerResMLP(IntegerModule):
    """A network file's integers in torch."""

    def __init__(self, network: ResMLPNetwork):
        super().__init__()
        self.network = network

    @torch.no_grad()
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        outputs = [pixel_codes(images, self.network.patch)]
        for layer in self.network.layers:
            source = outputs[layer.source + 1] if isinstance(layer, Add) else None
            outputs.append(_applied(layer, outputs[-1], source))
        return outputs[1:]


def _applied(layer, x: torch.Tensor, source: Optional[torch.Tensor]) -> torch.Tensor:
    numbers = {
        name: torch.as_tensor(getattr(layer, name)).double()
        for name in ("weights_q", "bias_q", "shift", "table_q")
        if hasattr(layer, name)
    }
    if isinstance(layer, Matrix):
        return matrix(layer.axis, x, numbers["weights_q"], numbers["shift"], numbers["bias_q"], layer.relu)
    if isinstance(layer, Affine):
        return affine(x, numbers["weights_q"], numbers["shift"], numbers["bias_q"])
    if isinstance(layer, Table):
        return look_up(x, expanded(numbers["table_q"]), 0, -1)
    if isinstance(layer, Add):
        return add(x, source, numbers["weights_q"], numbers["shift"])
    if isinstance(layer, Mean):
        return mean(x, numbers["shift"])
    assert isinstance(layer, Classifier)
    return classifier(x, numbers["weights_q"], numbers["bias_q"])
