"""Fake quantisation: a network that computes in integer codes, forward, and as if in real numbers, backward.

Forward, every tensor is a code that floating point holds exactly; backward, rounding passes the gradient through. Training
thus sees the very arithmetic of the hardware: the same table, the same shift, the same rounded and folded bias.
The step of the weights is learned with LSQ's gradient (arXiv 1902.08153), which is what differentiating code * step
gives when rounding passes the gradient through. In evaluation all is float64 and equals the integer reference, logit for
logit; in training it is float32.
"""
from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import nn

from lst_overlay.network import Activation, Axis, Layer, Network, code_range, quantize

from .activations import ACTIVATIONS

INDEX_WIDTH = 10  # one table per layer: at most 10 bits
_COVERED = 4.0    # the index reaches at least this far to both sides: tanh(4) = 0.9993


class Scale(NamedTuple):
    """What a layer's input codes mean: value = step * (code + offset)."""

    step: float
    offset: float


class Codes(NamedTuple):
    """A tensor of codes, in floating point, and the value of one code as a tensor with gradient."""

    codes: torch.Tensor
    step: torch.Tensor


class LayerCodes(NamedTuple):
    """The integers of one layer, in floating point; shift and table are None for the last layer.

    bias: (fan_out,), half of 2**shift included; table: (2**INDEX_WIDTH,), or of a file's own width.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    shift: Optional[int]
    table: Optional[torch.Tensor]


def pixel_scale(bits: int) -> Scale:
    """c = p >> (8 - bits) stands for (c + 1/2) / 2**(bits - 1) - 1."""
    return Scale(2.0 ** (1 - bits), 0.5 - 2.0 ** (bits - 1))


def signed_step(width: int) -> float:
    """Step of activations in -1..1: the codes are symmetric and the outermost stand for exactly -1 and 1.

    tanh is odd and bounded by 1, so the most negative code would never be used, and a step of 2**-(width - 1) would
    cut off the upper end: with 4 bits at 7/8. It takes at least 2 bits.
    """
    return 1.0 / code_range(width)[1]


def products(axis: Axis, weights: torch.Tensor, bias: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """weights . x + bias along the axis; the shapes are those of lst_overlay.network.Axis."""
    if axis is Axis.COLUMNS:
        return nn.functional.linear(x.transpose(1, 2), weights, bias).transpose(1, 2)
    return nn.functional.linear(x.flatten(1) if axis is Axis.DENSE else x, weights, bias)


def table_index(acc: torch.Tensor, shift: int, index_width: int) -> torch.Tensor:
    """Accumulators, bias included -> index codes, an arithmetic shift and a saturation, in floating point."""
    half = 2 ** (index_width - 1)
    return torch.floor(acc * 2.0 ** -shift).clamp(-half, half - 1)


def look_up(table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Entries ascend from the most negative index."""
    return table[(index + len(table) // 2).long()]


def straight_through(value: torch.Tensor, surrogate: torch.Tensor) -> torch.Tensor:
    """`value` exactly, with the gradient of `surrogate`."""
    return value.detach() + (surrogate - surrogate.detach())


def round_half_up(x: torch.Tensor) -> torch.Tensor:
    """floor(x + 1/2), with the gradient of x. torch.round would send ties to even."""
    return straight_through(torch.floor(x + 0.5), x)


class FakeQuantizedLayer(nn.Module):
    """A fully connected layer with learned weight step and, unless it is the last, an activation through a table.

    Parameters weight (fan_out, fan_in), bias (fan_out,) and log2_step () are real; what is computed with is codes.
    The step is learned as a logarithm: Adam moves every parameter by about the learning rate, which here is relative.
    """

    def __init__(self, axis: Axis, linear: nn.Linear, activation: Optional[nn.Module], weights_width: int,
                 activation_width: int, activation_step: float):
        super().__init__()
        self.axis, self.activation = axis, activation
        self.weights_width, self.activation_width, self.activation_step = weights_width, activation_width, activation_step
        self.weight = nn.Parameter(linear.weight.detach().clone())
        self.bias = nn.Parameter(linear.bias.detach().clone())
        self.log2_step = nn.Parameter(torch.zeros(()))
        self.start_step()

    @property
    def max_code(self) -> int:
        return code_range(self.weights_width)[1]  # weights are symmetric: -max_code..max_code

    def start_step(self) -> None:
        """LSQ's starting value, 2 mean |w| / sqrt(max_code)."""
        self.set_step(2 * self.weight.detach().abs().mean().item() / math.sqrt(self.max_code))

    def set_step(self, step: float) -> None:
        """The value of one weight code; powers of two are kept exactly."""
        self.log2_step.data.fill_(math.log2(step))

    def layer_codes(self, x_step: torch.Tensor, x_offset: float) -> Tuple[LayerCodes, torch.Tensor]:
        """The layer's integers for an input of that scale, with gradient, and the accumulator's unit."""
        dtype = x_step.dtype
        step = torch.exp2(self.log2_step.to(dtype))
        weights = round_half_up((self.weight.to(dtype) / step).clamp(-self.max_code, self.max_code))
        unit = step * x_step
        # sum w (x + offset) = sum w x + offset sum w: the constant part belongs to the bias.
        bias = round_half_up(self.bias.to(dtype) / unit + x_offset * weights.sum(1))
        if self.activation is None:
            return LayerCodes(weights, bias, None, None), unit
        shift = index_shift(unit.item())
        bias = bias + (2 ** shift // 2)  # the shift rounds down; half its step more and it rounds to nearest, ties up
        table = torch.from_numpy(make_table(self.activation, unit.item() * 2.0 ** shift, self.activation_step, self.activation_width))
        return LayerCodes(weights, bias, shift, table.to(x_step)), unit

    def forward(self, x: Codes, x_offset: float) -> Codes:
        integers, unit = self.layer_codes(x.step, x_offset)
        acc = products(self.axis, integers.weights, integers.bias, x.codes)
        if self.activation is None:
            return Codes(acc, unit)
        index = table_index(acc, integers.shift, INDEX_WIDTH)
        codes = look_up(integers.table, index)
        out_step = torch.tensor(self.activation_step, dtype=acc.dtype, device=acc.device)
        if self.training:
            half = 2 ** integers.shift // 2
            z = straight_through(index * 2.0 ** integers.shift, acc - half) * unit
            if self.axis is Axis.COLUMNS:  # activations take channels last
                real = self.activation(z.transpose(1, 2)).transpose(1, 2)
            else:
                real = self.activation(z)
            codes = straight_through(codes, real / out_step)
        return Codes(codes, out_step)


class FakeQuantizedNetwork(nn.Module):
    """LST-1 in codes. images: (N, d_in, d_in) uint8 -> (N, classes) real logits; `logits_q` gives them as codes."""

    def __init__(self, layers, pixel_bits: int, image_shape: Tuple[int, int], kind: str):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.pixel_bits, self.image_shape, self.kind = pixel_bits, image_shape, kind

    @classmethod
    def from_float(cls, network: nn.Module, widths) -> FakeQuantizedNetwork:
        """network: LST1; widths: model.recipe.Widths."""
        step = signed_step(widths.activations)
        layers = [FakeQuantizedLayer(axis, linear, activation, widths.weights, widths.activations, step)
                  for axis, linear, activation in lst1_layers(network)]
        return cls(layers, widths.pixels, network.image_shape, network.kind)

    @classmethod
    def from_integer(cls, network: Network) -> FakeQuantizedNetwork:
        """A shipped network as it was in training: real weights at the value of their codes, the tables made anew.

        Exporting it again gives the same integers; that is how a test knows that nothing was lost.
        """
        x_step, x_offset = pixel_scale(network.pixel_bits)
        layers = []
        functions = iter(network.provenance.get("functions", []))
        for layer in network.layers:
            unit, half, activation, width, step = layer.weights_step * x_step, 0, None, 2, 1.0
            if layer.activation is not None:
                half, width, step = 2 ** layer.activation.shift // 2, layer.activation.width, layer.activation.step
                activation = ACTIVATIONS[layer.activation.function]().double()
                activation.take(next(functions, []))
            linear = nn.Linear(layer.fan_in, layer.fan_out).double()
            linear.weight.data = torch.from_numpy(layer.weights_q * layer.weights_step)
            linear.bias.data = torch.from_numpy((layer.bias_q - half - x_offset * layer.weights_q.sum(1)) * unit)
            quantized = FakeQuantizedLayer(layer.axis, linear, activation, layer.weights_width, width, step).double()
            quantized.set_step(layer.weights_step)
            layers.append(quantized)
            x_step, x_offset = step, 0.0
        return cls(layers, network.pixel_bits, network.image_shape, network.kind).eval()

    def take_weights(self, network: nn.Module) -> None:
        """Start from a trained float network of the same shape; weight steps start anew."""
        for layer, (_, linear, activation) in zip(self.layers, lst1_layers(network)):
            layer.weight.data.copy_(linear.weight)
            layer.bias.data.copy_(linear.bias)
            if activation is not None:
                layer.activation.load_state_dict(activation.state_dict())
            layer.start_step()

    def functions(self) -> List[List[float]]:
        """What the activations learned, layer by layer; a network file keeps it beside the tables made from it."""
        return [layer.activation.learned() for layer in self.layers if layer.activation is not None]

    def run(self, images: torch.Tensor) -> Codes:
        """The logits as codes and the value of one code."""
        dtype = torch.float32 if self.training else torch.float64
        scale = pixel_scale(self.pixel_bits)
        x = Codes(torch.bitwise_right_shift(images, 8 - self.pixel_bits).to(dtype),
                  torch.tensor(scale.step, dtype=dtype, device=images.device))
        for number, layer in enumerate(self.layers):
            x = layer(x, scale.offset if number == 0 else 0.0)
        return x

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.run(images)
        return logits.codes * logits.step

    @torch.no_grad()
    def logits_q(self, images: torch.Tensor) -> torch.Tensor:
        """(N, d_in, d_in) uint8 -> (N, classes) int64: equal to lst_overlay.network.logits."""
        return self.eval().run(images).codes.long()

    @torch.no_grad()
    def export(self, name: str, provenance: dict) -> Network:
        """The integer network that this module computes in evaluation."""
        scale = pixel_scale(self.pixel_bits)
        x_step, offset, layers = scale.step, scale.offset, []
        for layer in self.layers:
            integers, unit = layer.cpu().layer_codes(torch.tensor(x_step, dtype=torch.float64), offset)
            activation = None
            if layer.activation is not None:
                activation = Activation(integers.shift, INDEX_WIDTH, unit.item() * 2.0 ** integers.shift, _int64(integers.table),
                                        layer.activation_width, layer.activation_step, layer.activation.name)
            layers.append(Layer(layer.axis, _int64(integers.weights), _int64(integers.bias), layer.weights_width,
                                torch.exp2(layer.log2_step.double()).item(), activation))
            x_step, offset = layer.activation_step, 0.0
        return Network(name, self.kind, self.pixel_bits, tuple(self.image_shape), tuple(layers), provenance)


def lst1_layers(network: nn.Module) -> tuple:
    """LST1 -> (axis, linear, activation or None) in the order of computation."""
    return ((Axis.ROWS, network.lst.rows, network.lst.rows_activation),
            (Axis.COLUMNS, network.lst.columns, network.lst.columns_activation),
            (Axis.DENSE, network.classifier, None))


def index_shift(unit: float) -> int:
    """The least shift with which INDEX_WIDTH bits reach _COVERED: unit * 2**(shift + INDEX_WIDTH - 1) >= 4."""
    return max(0, math.ceil(math.log2(_COVERED / unit) - (INDEX_WIDTH - 1)))


def make_table(activation: nn.Module, index_step: float, step: float, width: int) -> np.ndarray:
    """(2**INDEX_WIDTH,) int64 codes of f(index * index_step), ascending from the most negative index."""
    low, high = code_range(INDEX_WIDTH)
    grid = np.arange(low, high + 1, dtype=np.float64) * index_step
    return quantize(activation.on_grid(grid), step, *code_range(width))


def _int64(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.int64)
