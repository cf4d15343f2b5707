"""The LST family quantised for training: integer codes forward, gradients of real numbers backward.

Forward, every tensor holds codes; backward, the gradient of rounding is taken to be 1. Training thus sees
the arithmetic of the hardware: the same table, the same shift, the same rounded and folded bias. The table
is part of the graph: its entries send their gradient to the function they are made from and to the steps of
everything before it. The steps of weights and activations are learned with LSQ's gradient (arXiv
1902.08153), which is what differentiating code * step gives when the gradient of rounding is 1 and that of
clipping is 0.

In evaluation mode all numbers are float64, which holds every code exactly, and the logits equal those of
the integer reference. In training mode they are float32, which is exact up to 2**24: with weights and
activations of some fifteen bits, greater sums are rounded.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Protocol, Sequence, Tuple

import numpy as np
import torch
from torch import nn

from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, code_range
from model.kernels.lookup import look_up
from model.networks.lst import Stage, columns_first, flatten
from model.quantized.network import Codes, QuantizedNetwork

INDEX_WIDTH = 10  # for one table per layer
INDEX_WIDTH_PER_CHANNEL = 8  # for a table per channel
_COVERED = 4.0  # the index reaches at least this far to both sides: tanh(4) = 0.9993
# The channels' dimension in the result of `products`.
CHANNEL_AXIS = {Axis.ROWS: 0, Axis.COLUMNS: 2, Axis.DENSE: 1}


class Scale(NamedTuple):
    """What the codes of a layer's input stand for: value = step * (code + offset)."""

    step: float
    offset: float


class LayerWidths(Protocol):
    """The widths of a network's codes in bits; `model.training.recipe.Widths` is one."""

    pixels: int

    def weights_of(self, layers: int) -> List[int]:
        """The width of each layer's weights."""

    def activations_of(self, layers: int) -> List[int]:
        """The width of each layer's output codes; the last layer has none and ignores its number."""


class Table(NamedTuple):
    """An activation in codes.

    codes: (tables, entries), the table. slope: of the same shape, what multiplies an accumulator's gradient.
    index_step, step: the real values of a step of the index and of an output code.
    """

    shift: int
    codes: torch.Tensor
    slope: torch.Tensor
    index_step: torch.Tensor
    step: torch.Tensor


class LayerCodes(NamedTuple):
    """The integers of one layer, in floating point.

    bias: (fan_out,); before an activation it includes 2**(shift - 1), which makes the shift round to nearest.
    unit: the real value of one accumulator code.
    table: None for the last layer.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    unit: torch.Tensor
    table: Optional[Table]


def pixel_scale(bits: int) -> Scale:
    """c = p >> (8 - bits) stands for (c + 1/2) / 2**(bits - 1) - 1."""
    return Scale(2.0 ** (1 - bits), 0.5 - 2.0 ** (bits - 1))


def products(axis: Axis, weights: torch.Tensor, bias: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """weights . x + bias along the axis.

    Images are (columns, N, rows): that saves transposing between a layer along rows and one along columns.
    A dense layer returns (N, fan_out).
    """
    if axis is Axis.ROWS:
        return torch.addmm(bias[:, None], weights, x.flatten(1)).view(-1, *x.shape[1:])
    return nn.functional.linear(flatten(x) if axis is Axis.DENSE and x.dim() == 3 else x, weights, bias)


def images_first(x: torch.Tensor) -> torch.Tensor:
    """A result of `products` in the layout of the integer reference: (N, rows, columns) or (N, fan_out)."""
    return x.permute(1, 2, 0) if x.dim() == 3 else x


class _Floor(torch.autograd.Function):
    """floor(x), with the gradient of x."""

    @staticmethod
    def forward(ctx, x):
        return torch.floor(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def round_half_up(x: torch.Tensor) -> torch.Tensor:
    """floor(x + 1/2), with the gradient of x. torch.round would send ties to even."""
    return _Floor.apply(x + 0.5)


def round_down(x: torch.Tensor) -> torch.Tensor:
    """floor(x), with the gradient of x: truncation, for comparison in the study."""
    return _Floor.apply(x)


class QuantizedLayer(nn.Module):
    """A fully connected layer and, unless it is the last, an activation through a table, with learned steps.

    The parameters are real numbers: weight (fan_out, fan_in), bias (fan_out,), log2_step () and
    log2_activation_step (). Steps are learned as logarithms because Adam moves every parameter by about the
    learning rate, which for a logarithm is a relative change.
    """

    def __init__(self, stage: Stage, weights_width: int, activation_width: int):
        super().__init__()
        self.axis, self.activation, self.add = stage.axis, stage.activation, stage.add
        self.weights_width, self.activation_width = weights_width, activation_width
        self.round = round_half_up  # for weights and table entries
        self.weight = nn.Parameter(stage.linear.weight.detach().clone())
        self.bias = nn.Parameter(stage.linear.bias.detach().clone())
        self.log2_step = nn.Parameter(torch.zeros(()))
        if (
            self.activation is not None and self.add is None
        ):  # a summand shares the step of the layer it is added to
            self.log2_activation_step = nn.Parameter(torch.zeros(()))
        self.start_steps()

    @property
    def max_code(self) -> int:
        return code_range(self.weights_width)[1]  # weights are symmetric: -max_code..max_code

    def start_steps(self) -> None:
        """Set the steps by the weights and the activation function.

        The weights' step is LSQ's starting value, 2 mean |w| / sqrt(max_code). The activation's step gives
        the function's greatest value the greatest code, so that the codes -max and max of tanh stand for
        exactly -1 and 1. A step of 2**-(width - 1) would clip it: with 4 bits at 7/8.
        """
        self.set_step(max(2 * self.weight.detach().abs().mean().item(), 1e-6) / math.sqrt(self.max_code))
        if self.activation is not None and self.add is None:
            self.set_activation_step(self.full_range_activation_step())

    def full_range_activation_step(self) -> float:
        """The step that gives the function's greatest value the greatest code."""
        return self.activation.greatest() / code_range(self.activation_width)[1]

    def set_step(self, step: float) -> None:
        """Set the value of one weight code; powers of two are kept exactly."""
        self.log2_step.data.fill_(math.log2(step))

    def set_activation_step(self, step: float) -> None:
        """Set the value of one code of the output."""
        self.log2_activation_step.data.fill_(math.log2(step))

    def layer_codes(
        self, x_step: torch.Tensor, x_offset: float, step: Optional[torch.Tensor] = None
    ) -> LayerCodes:
        """The layer's integers, with gradient, for an input of that step and offset.

        step: the step of the layer whose output is added to this one's; the two must share it.
        """
        dtype = x_step.dtype
        weights_step = torch.exp2(self.log2_step.to(dtype))
        weights = self.round((self.weight.to(dtype) / weights_step).clamp(-self.max_code, self.max_code))
        unit = weights_step * x_step
        # sum w (x + offset) = sum w x + offset sum w: the constant part belongs to the bias.
        bias = round_half_up(self.bias.to(dtype) / unit + x_offset * weights.sum(1))
        if self.activation is None:
            return LayerCodes(weights, bias, unit, None)
        table = self._table(
            unit.double(), torch.exp2(self.log2_activation_step.double()) if step is None else step.double()
        )
        bias = bias + 2**table.shift // 2  # the shift rounds down; with this it rounds to nearest, ties up
        return LayerCodes(weights, bias, unit, table)

    def _table(self, unit: torch.Tensor, step: torch.Tensor) -> Table:
        """The table in float64, made with the function itself.

        An entry's slope is that of the line between its two neighbours, and 0 where the entry is clipped.
        """
        index_width = INDEX_WIDTH if self.activation.tables == 1 else INDEX_WIDTH_PER_CHANNEL
        shift = index_shift(unit.item(), index_width)
        index_step = unit * 2.0**shift
        low, high = code_range(index_width)
        grid = torch.arange(low, high + 1, dtype=torch.float64, device=unit.device) * index_step
        scaled = self.activation(grid.repeat(self.activation.tables, 1), channel_axis=0) / step
        codes = scaled.clamp(*code_range(self.activation_width))
        with torch.no_grad():
            slope = torch.zeros_like(scaled)
            slope[:, 1:-1] = (scaled[:, 2:] - scaled[:, :-2]) / 2 ** (shift + 1) * (codes == scaled)[:, 1:-1]
        return Table(shift, self.round(codes), slope, index_step, step)

    def forward(self, x: Codes, x_offset: float, summand: Optional[Codes] = None) -> Codes:
        integers = self.layer_codes(x.step, x_offset, None if summand is None else summand.step)
        acc = products(self.axis, integers.weights, integers.bias, x.codes)
        if integers.table is None:
            return Codes(acc, integers.unit)
        table = integers.table
        codes = look_up(acc, table.codes, table.shift, CHANNEL_AXIS[self.axis], table.slope)
        return Codes(codes if summand is None else codes + summand.codes, table.step.to(acc.dtype))


class QuantizedLST(QuantizedNetwork):
    """A network of the LST family in codes."""

    family = "lst"

    def __init__(
        self, layers, pixel_bits: int, image_shape: Tuple[int, int], kind: str, rows_per_vector: int
    ):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.pixel_bits, self.image_shape, self.kind = pixel_bits, image_shape, kind
        self.rows_per_vector = rows_per_vector

    @classmethod
    def from_float(cls, network: nn.Module, widths: LayerWidths) -> QuantizedLST:
        """The untrained quantised form of a float network.

        network: one of model.networks.lst.
        """
        stages = network.stages()
        layers = [
            QuantizedLayer(stage, weights, activations)
            for stage, weights, activations in zip(
                stages, widths.weights_of(len(stages)), widths.activations_of(len(stages))
            )
        ]
        quantized = cls(layers, widths.pixels, network.image_shape, network.kind, network.rows_per_vector)
        quantized._start_shared_steps()
        return quantized

    @classmethod
    def from_integer(cls, network: LSTNetwork, activations: Sequence[Optional[nn.Module]]) -> QuantizedLST:
        """A network file as it was in training: its codes as real weights, its tables made anew.

        activations: the function of each layer, None for the last.
        Exporting the result gives the integers of the file again, by which a test shows that nothing is lost.
        """
        x_step, x_offset = pixel_scale(network.pixel_bits)
        layers = []
        for layer, activation in zip(network.layers, activations):
            unit, half, width, step = layer.weights_step * x_step, 0, 2, None
            if layer.activation is not None:
                half, width, step = (
                    2**layer.activation.shift // 2,
                    layer.activation.width,
                    layer.activation.step,
                )
            linear = nn.Linear(layer.fan_in, layer.fan_out).double()
            linear.weight.data = torch.from_numpy(layer.weights_q * layer.weights_step)
            linear.bias.data = torch.from_numpy(
                (layer.bias_q - half - x_offset * layer.weights_q.sum(1)) * unit
            )
            quantized = QuantizedLayer(
                Stage(layer.axis, linear, activation, layer.add), layer.weights_width, width
            ).double()
            quantized.set_step(layer.weights_step)
            if layer.activation is not None and layer.add is None:
                quantized.set_activation_step(step)
            layers.append(quantized)
            x_step, x_offset = step, 0.0
        return cls(
            layers, network.pixel_bits, network.image_shape, network.kind, network.rows_per_vector
        ).eval()

    @torch.no_grad()
    def calibrate(self, images: torch.Tensor) -> QuantizedLST:
        for layer in self.layers:
            layer.start_steps()
        self._start_shared_steps()
        return self

    @torch.no_grad()
    def take_weights(self, network: nn.Module, images: torch.Tensor) -> None:
        for layer, stage in zip(self.layers, network.stages()):
            layer.weight.copy_(stage.linear.weight)
            layer.bias.copy_(stage.linear.bias)
            if stage.activation is not None:
                layer.activation.load_state_dict(stage.activation.state_dict())
        self.calibrate(images)

    def _start_shared_steps(self) -> None:
        """Give layers that are added up the greatest of their steps: so none is clipped at the start."""
        for first in {layer.add for layer in self.layers if layer.add is not None}:
            summands = [self.layers[first]] + [layer for layer in self.layers if layer.add == first]
            step = max(layer.full_range_activation_step() for layer in summands)
            self.layers[first].set_activation_step(step)

    def functions(self) -> List[List[float]]:
        return [layer.activation.learned() for layer in self.layers if layer.activation is not None]

    def outputs(self, images: torch.Tensor) -> List[Codes]:
        """The output of each layer, the logits last, in the layout of `products`."""
        dtype = torch.float32 if self.training else torch.float64
        scale = pixel_scale(self.pixel_bits)
        columns = columns_first(images, self.rows_per_vector)
        x = Codes(
            torch.bitwise_right_shift(columns, 8 - self.pixel_bits).to(dtype),
            torch.tensor(scale.step, dtype=dtype, device=images.device),
        )
        outputs: List[Codes] = []
        for layer in self.layers:
            x = layer(x, 0.0 if outputs else scale.offset, None if layer.add is None else outputs[layer.add])
            outputs.append(x)
        return outputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.outputs(images)[-1]
        return logits.codes * logits.step

    @torch.no_grad()
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        """As the base class says. Sets evaluation mode, in which every code is exact."""
        return [images_first(output.codes) for output in self.eval().outputs(images)]

    @torch.no_grad()
    def export(self, name: str, provenance: dict) -> LSTNetwork:
        scale = pixel_scale(self.pixel_bits)
        x_step, offset, layers, steps = torch.tensor(scale.step, dtype=torch.float64), scale.offset, [], []
        for layer in self.layers:
            integers = layer.cpu().layer_codes(
                x_step, offset, None if layer.add is None else steps[layer.add]
            )
            activation = None
            if integers.table is not None:
                table, x_step = integers.table, integers.table.step
                steps.append(x_step)
                codes = _int64(table.codes)
                activation = Activation(
                    table.shift,
                    codes.shape[1].bit_length() - 1,
                    table.index_step.item(),
                    codes[0] if len(codes) == 1 else codes,
                    layer.activation_width,
                    table.step.item(),
                    layer.activation.name,
                )
            layers.append(
                Layer(
                    layer.axis,
                    _int64(integers.weights),
                    _int64(integers.bias),
                    layer.weights_width,
                    torch.exp2(layer.log2_step.double()).item(),
                    activation,
                    layer.add,
                )
            )
            offset = 0.0
        return LSTNetwork(
            name,
            self.kind,
            self.pixel_bits,
            tuple(self.image_shape),
            tuple(layers),
            provenance,
            self.rows_per_vector,
        )


def index_shift(unit: float, index_width: int) -> int:
    """The least shift with which the index reaches _COVERED: unit * 2**(shift + index_width - 1) >= 4."""
    return max(0, math.ceil(math.log2(_COVERED / unit) - (index_width - 1)))


def _int64(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.int64)
