"""The layers of a quantised ResMLP: integer codes forward, gradients of real numbers backward.

The step of every output is learned. The step of the weights follows from it: it is the one with which
requantisation is a shift. Training thus sees the shifts, the int8 biases and the tables' entries of the
file; `layer` returns them.
"""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np
import torch
from torch import nn

from lst_overlay.network import resmlp
from lst_overlay.network.resmlp import Axis
from lst_overlay.network.resmlp.layers import (
    HIGH,
    LOW,
    MAX_BITS,
    MAX_SHIFT,
    code_range,
    greatest_weight,
)
from model.kernels.lookup import look_up
from model.networks.activations import Activation
from model.networks.resmlp import learned
from model.quantized import resmlp_arithmetic as arithmetic
from model.quantized.lst import round_half_up
from model.quantized.network import Codes


class Quantized(nn.Module):
    """A layer with a learned step: codes in, codes out.

    `real` computes the same in real numbers, by which the first steps are chosen.
    channels: the number of steps: one for each channel of the output, or 1 for a step that all share.
    bits: the width of the output's codes.
    """

    def __init__(self, channels: int, bits: int):
        super().__init__()
        self.bits = bits
        self.log2_step = nn.Parameter(torch.zeros(channels))

    @property
    def step(self) -> torch.Tensor:
        """(channels,) or (1,) float64: the value of one code of the output."""
        return torch.exp2(self.log2_step.double())


class QuantizedMatrix(Quantized):
    def __init__(
        self,
        axis: str,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
        bits: int = MAX_BITS,
        weight_bits: int = MAX_BITS,
    ):
        super().__init__(len(weight) if axis == Axis.CHANNELS else 1, bits)
        self.axis, self.relu, self.weight_bits = axis, relu, weight_bits
        self.weight, self.bias = nn.Parameter(weight.detach().float()), nn.Parameter(bias.detach().float())

    def real(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = (
            nn.functional.linear(x, weight, bias)
            if self.axis == Axis.CHANNELS
            else weight @ x + bias[:, None]
        )
        return torch.relu(y) if self.relu else y

    def forward(self, x: Codes) -> Codes:
        codes = arithmetic.matrix(self.axis, x.codes, *self._integers(x.step), self.relu, self.bits)
        return Codes(codes, self.step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Matrix:
        integers = map(_int64, self._integers(x_step))
        return resmlp.Matrix(self.axis, *integers, _reals(self.step), self.relu, self.bits, self.weight_bits)

    def _integers(self, x_step: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        return requantised(self.weight, self.bias, x_step, self.step, self.weight_bits)


class QuantizedAffine(Quantized):
    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor, *, one_step: bool = False, bits: int = MAX_BITS
    ):
        super().__init__(1 if one_step else len(weight), bits)
        self.weight, self.bias = nn.Parameter(weight.detach().float()), nn.Parameter(bias.detach().float())

    def real(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.bias

    def forward(self, x: Codes) -> Codes:
        return Codes(
            arithmetic.affine(x.codes, *requantised(self.weight, self.bias, x.step, self.step), self.bits),
            self.step,
        )

    def layer(self, x_step: torch.Tensor) -> resmlp.Affine:
        integers = map(_int64, requantised(self.weight, self.bias, x_step, self.step))
        return resmlp.Affine(*integers, _reals(self.step), self.bits)


class QuantizedFunction(Quantized):
    """f(weight x + bias) as a table for each channel: a learned function and the normalisation before it.

    Where there is no normalisation, the weight is 1 and the bias 0.
    entries: how many the table of a channel has.
    input_bits: the width of the codes that enter.
    """

    def __init__(
        self,
        function: Activation,
        weight: Optional[torch.Tensor] = None,
        bias: Optional[torch.Tensor] = None,
        *,
        entries: int = 64,
        input_bits: int = MAX_BITS,
        bits: int = MAX_BITS,
    ):
        super().__init__(function.tables, bits)
        self.function, self.input_bits, self.stride = function, input_bits, 2**input_bits // entries
        normalised = weight is not None
        self.weight = nn.Parameter(
            weight.detach().float() if normalised else torch.ones(function.tables), requires_grad=normalised
        )
        self.bias = nn.Parameter(
            bias.detach().float() if normalised else torch.zeros(function.tables), requires_grad=normalised
        )

    def real(self, x: torch.Tensor) -> torch.Tensor:
        return learned(self.function, x * self.weight + self.bias)

    def entries(self, x_step: torch.Tensor) -> torch.Tensor:
        """(entries, channels) real numbers: the function at every `stride`-th code."""
        low, high = code_range(self.input_bits)
        codes = torch.arange(low, high + 1, self.stride, dtype=torch.float64, device=x_step.device)
        return learned(self.function, codes[:, None] * (x_step * self.weight.double()) + self.bias.double())

    def along_lines(self, codes: torch.Tensor, x_step: torch.Tensor) -> torch.Tensor:
        """(N, channels) codes -> the interpolated table in real numbers, its entries not rounded."""
        entries = self.entries(x_step)
        entries = torch.cat([entries, entries[-1:]])
        place = (codes.double() - code_range(self.input_bits)[0]) / self.stride
        begin = place.floor()
        low, high = (entries.gather(0, begin.long() + step) for step in (0, 1))
        return low + (place - begin) * (high - low)

    def knots(self, x_step: torch.Tensor) -> torch.Tensor:
        """(channels, entries) real numbers in units of the output's step, clipped."""
        return (self.entries(x_step) / self.step).t().clamp(*code_range(self.bits))

    def forward(self, x: Codes) -> Codes:
        knots = self.knots(x.step)
        with torch.no_grad():  # the slope of the straight line that the code lies on
            slope = (
                torch.cat([knots, knots[:, -1:]], dim=1).diff(dim=1).repeat_interleave(self.stride, dim=1)
                / self.stride
            )
        table = arithmetic.expanded(round_half_up(knots), self.input_bits)
        return Codes(look_up(x.codes, table, 0, -1, slope), self.step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Table:
        table = _int64(round_half_up(self.knots(x_step)))
        return resmlp.Table(table, _reals(self.step), self.function.name, self.bits)


class QuantizedAdd(nn.Module):
    """x plus the output of the layer ``source``, in x's steps; source -1 is the input of the network."""

    def __init__(self, source: int, bits: int = MAX_BITS):
        super().__init__()
        self.source, self.bits = source, bits

    def forward(self, x: Codes, source: Codes) -> Codes:
        integers = self._integers(x.step, source.step)
        return Codes(arithmetic.add(x.codes, source.codes, *integers, self.bits), x.step)

    def layer(self, x_step: torch.Tensor, source_step: torch.Tensor) -> resmlp.Add:
        weights, shift, bias = map(_int64, self._integers(x_step, source_step))
        return resmlp.Add(self.source, weights, shift, _reals(x_step), bias, self.bits)

    @staticmethod
    def _integers(x_step: torch.Tensor, source_step: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        ratio = source_step / x_step
        return requantised(torch.ones_like(ratio), torch.zeros_like(ratio), source_step, x_step)


class QuantizedMean(nn.Module):
    """The mean over the tokens, its step a power of two times the input's, as fine as calibration allows."""

    def __init__(self, tokens: int, bits: int = MAX_BITS):
        super().__init__()
        self.tokens, self.bits = tokens, bits
        self.register_buffer("shift", torch.tensor(math.log2(tokens), dtype=torch.float64))

    def step(self, x_step: torch.Tensor) -> torch.Tensor:
        return x_step * torch.exp2(self.shift) / self.tokens

    def forward(self, x: Codes) -> Codes:
        return Codes(arithmetic.mean(x.codes, self.shift, self.bits), self.step(x.step))

    def layer(self, x_step: torch.Tensor) -> resmlp.Mean:
        return resmlp.Mean(int(self.shift.item()), _reals(self.step(x_step)), self.bits)


class QuantizedClassifier(nn.Module):
    """One step for all weights: logits of different classes must be comparable."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, weight_bits: int = MAX_BITS):
        super().__init__()
        self.weight_bits = weight_bits
        self.weight, self.bias = nn.Parameter(weight.detach().float()), nn.Parameter(bias.detach().float())

    def forward(self, x: Codes) -> Codes:
        weights, bias, step = self._integers(x.step)
        return Codes(arithmetic.classifier(x.codes, weights, bias), step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Classifier:
        weights, bias, step = self._integers(x_step)
        return resmlp.Classifier(
            _int64(weights), _int64(bias), _reals(step)[None], weight_bits=self.weight_bits
        )

    def _integers(self, x_step: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        weight = self.weight.double() * x_step
        unit = weight.detach().abs().max().clamp(min=1e-9) / greatest_weight(self.weight_bits)
        return round_half_up(weight / unit), round_half_up(self.bias / unit), unit


def requantised(
    weight: torch.Tensor,
    bias: torch.Tensor,
    x_step: torch.Tensor,
    step: torch.Tensor,
    weight_bits: int = MAX_BITS,
) -> Tuple[torch.Tensor, ...]:
    """Real weights and biases -> (weights, shifts, biases), integers in float64; shifts have no gradient.

    weight: (fan_out, fan_in) or (channels,). The shift of an output is the greatest with which its greatest
        weight fits.
    """
    greatest = greatest_weight(weight_bits)
    gain = weight.double() * x_step / (step if weight.dim() == 1 else step[:, None])
    with torch.no_grad():
        largest = gain.abs() if gain.dim() == 1 else gain.abs().amax(1)
        shift = torch.floor(torch.log2((greatest + 0.49) / largest.clamp(min=1e-30))).clamp(1, MAX_SHIFT)
        factor = torch.exp2(shift)
    weights = round_half_up(gain * (factor if gain.dim() == 1 else factor[:, None])).clamp(
        -greatest, greatest
    )
    return weights, shift, round_half_up(bias.double() / step).clamp(LOW, HIGH)


def _int64(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.int64)


def _reals(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)
