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
from lst_overlay.network.resmlp.layers import MAX_BITS, code_range
from model.kernels.lookup import look_up
from model.kernels.saturation import floor_clip
from model.networks.resmlp import PATCH, patches
from model.quantized.lst import round_half_up
from model.quantized.network import IntegerModule


def pixel_codes(images: torch.Tensor, patch: int = PATCH, bits: int = MAX_BITS) -> torch.Tensor:
    """(N, rows, columns, colours) uint8 -> (N, tokens, values) float32, -128..127 with 8 bits."""
    centred = patches(images, patch).float() - 2 ** (MAX_BITS - 1)
    return centred if bits == MAX_BITS else torch.floor(centred * 2.0 ** (bits - MAX_BITS))


def floored(x: torch.Tensor, bits: int, relu: bool = False) -> torch.Tensor:
    """floor(x), clipped to codes of that width. The caller has added the half that makes it a rounding."""
    low, high = code_range(bits)
    return floor_clip(x, 0 if relu else low, high)


def scaled(weights: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The weights times 2**-shift: the floor of a sum of their products is the shifted sum."""
    factor = torch.exp2(-shift)
    return (weights * (factor[:, None] if weights.dim() == 2 else factor)).float()


def matrix(
    axis: str,
    x: torch.Tensor,
    weights: torch.Tensor,
    shift: torch.Tensor,
    bias: torch.Tensor,
    relu: bool,
    bits: int,
) -> torch.Tensor:
    """x: (N, tokens, channels); weights (fan_out, fan_in), shift and bias (fan_out,), integers in float64."""
    weights, bias = scaled(weights, shift), (bias + 0.5).float()
    if axis == Axis.CHANNELS:
        acc = nn.functional.linear(x, weights, bias)
    else:
        acc = torch.baddbmm(bias[:, None], weights.expand(len(x), -1, -1), x)
    return floored(acc, bits, relu)


def affine(
    x: torch.Tensor, weights: torch.Tensor, shift: torch.Tensor, bias: torch.Tensor, bits: int
) -> torch.Tensor:
    return floored(torch.addcmul((bias + 0.5).float(), x, scaled(weights, shift)), bits)


def expanded(knots: torch.Tensor, input_bits: int) -> torch.Tensor:
    """(channels, E) table -> (channels, 2**input_bits): linear between entries, constant after the last."""
    stride = 2**input_bits // knots.shape[1]
    begin, rise = knots[:, :, None], torch.cat([knots, knots[:, -1:]], dim=1).diff(dim=1)[:, :, None]
    part = torch.arange(stride, dtype=knots.dtype, device=knots.device)
    return (begin + round_half_up(rise * part / stride)).flatten(1)


def add(
    x: torch.Tensor,
    source: torch.Tensor,
    weights: torch.Tensor,
    shift: torch.Tensor,
    bias: torch.Tensor,
    bits: int,
) -> torch.Tensor:
    return floored(x + affine(source, weights, shift, bias, bits), bits)


def mean(x: torch.Tensor, shift: torch.Tensor, bits: int) -> torch.Tensor:
    return floored(x.sum(1) * torch.exp2(-shift).float() + 0.5, bits)


def classifier(
    x: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor, shift: Optional[torch.Tensor] = None
) -> torch.Tensor:
    """Exact: the sums have fewer than 24 bits, and the logits are float64.

    Without a shift it is differentiable.
    """
    sums = nn.functional.linear(x, weights.float()).double()
    if shift is not None:
        sums = torch.where(shift > 0, torch.floor(sums * torch.exp2(-shift) + 0.5), sums)
    return sums + bias


class IntegerResMLP(IntegerModule):
    """A network file's integers in torch."""

    def __init__(self, network: ResMLPNetwork):
        super().__init__()
        self.network = network

    @torch.no_grad()
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        outputs = [pixel_codes(images, self.network.patch, self.network.pixel_bits)]
        for layer, bits in zip(self.network.layers, self.network.input_bits):
            source = outputs[layer.source + 1] if isinstance(layer, Add) else None
            outputs.append(_applied(layer, bits, outputs[-1], source))
        return outputs[1:]


def _applied(layer, input_bits: int, x: torch.Tensor, source: Optional[torch.Tensor]) -> torch.Tensor:
    numbers = {
        name: torch.tensor(getattr(layer, name), dtype=torch.float64)
        for name in ("weights_q", "bias_q", "shift", "table_q")
        if hasattr(layer, name)
    }
    if isinstance(layer, Table):
        return look_up(x, expanded(numbers["table_q"], input_bits), 0, -1)
    if isinstance(layer, Mean):
        return mean(x, numbers["shift"], layer.bits)
    weights, shift, bias = (numbers[name] for name in ("weights_q", "shift", "bias_q"))
    if isinstance(layer, Matrix):
        return matrix(layer.axis, x, weights, shift, bias, layer.relu, layer.bits)
    if isinstance(layer, Affine):
        return affine(x, weights, shift, bias, layer.bits)
    if isinstance(layer, Add):
        return add(x, source, weights, shift, bias, layer.bits)
    assert isinstance(layer, Classifier)
    return classifier(x, weights, bias, shift)
