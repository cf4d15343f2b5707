"""The layers of a quantised ResMLP: integer codes forward, gradients of real numbers backward.

The step of every output is learned. The step of the weights follows from it: it is the one with which
requantisation is a shift. Training thus sees the shifts, the int8 biases and the 64-entry tables of the
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
from lst_overlay.network.resmlp.layers import HIGH, LOW, MAX_SHIFT, TABLE_STRIDE
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
    """

    def __init__(self, channels: int):
        super().__init__()
        self.log2_step = nn.Parameter(torch.zeros(channels))

    @property
    def step(self) -> torch.Tensor:
        """(channels,) or (1,) float64: the value of one code of the output."""
        return torch.exp2(self.log2_step.double())


class QuantizedMatrix(Quantized):
    def __init__(self, axis: str, weight: torch.Tensor, bias: torch.Tensor, relu: bool = False):
        super().__init__(len(weight) if axis == Axis.CHANNELS else 1)
        self.axis, self.relu = axis, relu
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
        weights, shift, bias = requantised(self.weight, self.bias, x.step, self.step)
        return Codes(arithmetic.matrix(self.axis, x.codes, weights, shift, bias, self.relu), self.step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Matrix:
        weights, shift, bias = map(_int64, requantised(self.weight, self.bias, x_step, self.step))
        return resmlp.Matrix(self.axis, weights, shift, bias, _reals(self.step), self.relu)


class QuantizedAffine(Quantized):
    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, one_step: bool = False):
        super().__init__(1 if one_step else len(weight))
        self.weight, self.bias = nn.Parameter(weight.detach().float()), nn.Parameter(bias.detach().float())

    def real(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.bias

    def forward(self, x: Codes) -> Codes:
        return Codes(
            arithmetic.affine(x.codes, *requantised(self.weight, self.bias, x.step, self.step)), self.step
        )

    def layer(self, x_step: torch.Tensor) -> resmlp.Affine:
        return resmlp.Affine(
            *map(_int64, requantised(self.weight, self.bias, x_step, self.step)), _reals(self.step)
        )


class QuantizedFunction(Quantized):
    """f(weight x + bias) as a table for each channel: a learned function and the normalisation before it.

    Where there is no normalisation, the weight is 1 and the bias 0.
    """

    def __init__(
        self, function: Activation, weight: Optional[torch.Tensor] = None, bias: Optional[torch.Tensor] = None
    ):
        super().__init__(function.tables)
        self.function = function
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
        """(64, channels) real numbers: the function at every fourth code."""
        codes = torch.arange(LOW, HIGH + 1, TABLE_STRIDE, dtype=torch.float64, device=x_step.device)
        return learned(self.function, codes[:, None] * (x_step * self.weight.double()) + self.bias.double())

    def along_lines(self, codes: torch.Tensor, x_step: torch.Tensor) -> torch.Tensor:
        """(N, channels) codes -> the interpolated table in real numbers, its entries not rounded."""
        entries = self.entries(x_step)
        entries = torch.cat([entries, entries[-1:]])
        place = (codes.double() - LOW) / TABLE_STRIDE
        begin = place.floor()
        low, high = (entries.gather(0, begin.long() + step) for step in (0, 1))
        return low + (place - begin) * (high - low)

    def knots(self, x_step: torch.Tensor) -> torch.Tensor:
        """(channels, 64) real numbers in units of the output's step, clipped."""
        return (self.entries(x_step) / self.step).t().clamp(LOW, HIGH)

    def forward(self, x: Codes) -> Codes:
        knots = self.knots(x.step)
        with torch.no_grad():  # the slope of the straight line that the code lies on
            slope = (
                torch.cat([knots, knots[:, -1:]], dim=1).diff(dim=1).repeat_interleave(TABLE_STRIDE, dim=1)
                / TABLE_STRIDE
            )
        return Codes(look_up(x.codes, arithmetic.expanded(round_half_up(knots)), 0, -1, slope), self.step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Table:
        return resmlp.Table(_int64(round_half_up(self.knots(x_step))), _reals(self.step), self.function.name)


class QuantizedAdd(nn.Module):
    """x plus the output of the layer ``source``, in x's steps; source -1 is the input of the network."""

    def __init__(self, source: int):
        super().__init__()
        self.source = source

    def forward(self, x: Codes, source: Codes) -> Codes:
        return Codes(arithmetic.add(x.codes, source.codes, *self._integers(x.step, source.step)), x.step)

    def layer(self, x_step: torch.Tensor, source_step: torch.Tensor) -> resmlp.Add:
        return resmlp.Add(self.source, *map(_int64, self._integers(x_step, source_step)), _reals(x_step))

    @staticmethod
    def _integers(x_step: torch.Tensor, source_step: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        ratio = source_step / x_step
        weights, shift, _ = requantised(torch.ones_like(ratio), torch.zeros_like(ratio), source_step, x_step)
        return weights, shift


class QuantizedMean(nn.Module):
    """The mean over the tokens, its step a power of two times the input's, as fine as calibration allows."""

    def __init__(self, tokens: int):
        super().__init__()
        self.tokens = tokens
        self.register_buffer("shift", torch.tensor(math.log2(tokens), dtype=torch.float64))

    def step(self, x_step: torch.Tensor) -> torch.Tensor:
        return x_step * torch.exp2(self.shift) / self.tokens

    def forward(self, x: Codes) -> Codes:
        return Codes(arithmetic.mean(x.codes, self.shift), self.step(x.step))

    def layer(self, x_step: torch.Tensor) -> resmlp.Mean:
        return resmlp.Mean(int(self.shift.item()), _reals(self.step(x_step)))


class QuantizedClassifier(nn.Module):
    """One step for all weights: logits of different classes must be comparable."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.detach().float()), nn.Parameter(bias.detach().float())

    def forward(self, x: Codes) -> Codes:
        weights, bias, step = self._integers(x.step)
        return Codes(arithmetic.classifier(x.codes, weights, bias), step)

    def layer(self, x_step: torch.Tensor) -> resmlp.Classifier:
        weights, bias, step = self._integers(x_step)
        return resmlp.Classifier(_int64(weights), _int64(bias), _reals(step)[None])

    def _integers(self, x_step: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        weight = self.weight.double() * x_step
        unit = weight.detach().abs().max().clamp(min=1e-9) / HIGH
        return round_half_up(weight / unit), round_half_up(self.bias / unit), unit


def requantised(
    weight: torch.Tensor, bias: torch.Tensor, x_step: torch.Tensor, step: torch.Tensor
) -> Tuple[torch.Tensor, ...]:
    """Real weights and biases -> (weights, shifts, biases), integers in float64; shifts have no gradient.

    weight: (fan_out, fan_in) or (channels,). The shift of an output is the greatest with which its greatest
        weight fits.
    """
    gain = weight.double() * x_step / (step if weight.dim() == 1 else step[:, None])
    with torch.no_grad():
        largest = gain.abs() if gain.dim() == 1 else gain.abs().amax(1)
        shift = torch.floor(torch.log2((HIGH + 0.49) / largest.clamp(min=1e-30))).clamp(1, MAX_SHIFT)
        factor = torch.exp2(shift)
    weights = round_half_up(gain * (factor if gain.dim() == 1 else factor[:, None])).clamp(-HIGH, HIGH)
    return weights, shift, round_half_up(bias.double() / step).clamp(LOW, HIGH)


def _int64(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.int64)


def _reals(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)
