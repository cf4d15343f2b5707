"""ResMLP in the integers of its accelerators, trainable: normalisation folded, every step chosen by calibration, then learned."""

from __future__ import annotations

import math
from typing import Iterator, List, Optional, Tuple

import numpy as np
import torch
from torch import nn

from lst_overlay.network.resmlp import Axis, Int8Network
from lst_overlay.network.resmlp.layers import HIGH, LOW
from model.networks.resmlp import DEVIATION, MEAN, PATCH, Affine, ChannelMLP, ResMLP, TokenMixer, TokenNorm
from model.quantized import resmlp_arithmetic as arithmetic
from model.quantized.lst import Codes, round_half_up
from model.quantized.resmlp_layers import (
    Quantized,
    QuantizedAdd,
    QuantizedAffine,
    QuantizedClassifier,
    QuantizedFunction,
    QuantizedMatrix,
    QuantizedMean,
)

CALIBRATION_IMAGES = 256
_RANGE = 32  # of a tensor's steps, the greatest over the least: a channel that these tokens seldom excite may be excited by others
_SAMPLE = 2048  # tokens of a tensor that its first step is chosen by, all their channels


class Int8ResMLP(nn.Module):
    """A trained ResMLP in integers. images: (N, 32, 32, 3) uint8 -> (N, 10) real logits; `logits_q` gives them as codes."""

    image_shape = ResMLP.image_shape

    def __init__(self, network: ResMLP):
        super().__init__()
        self.layers = nn.ModuleList(_folded(network))

    @torch.no_grad()
    def calibrate(self, images: torch.Tensor) -> Int8ResMLP:
        """Choose every step by what these images give, layer after layer, each layer seeing the codes of those before it."""
        found = [self._pixels(images)]
        for number, layer in enumerate(self.layers):
            x = found[-1]
            if isinstance(layer, Quantized):
                y = layer.real((x.codes * x.step).float())
                following = self.layers[number + 1]
                if isinstance(following, QuantizedAdd):  # the sum has this step, so it is what must fit
                    source = found[following.source + 1]
                    y, following = y + source.codes * source.step, self.layers[number + 2]
                function = following if isinstance(following, QuantizedFunction) else None
                steps = best_steps(y, len(layer.log2_step), function)
                if not isinstance(
                    layer, QuantizedFunction
                ):  # biases are int8 codes of the output: they must fit
                    largest = layer.bias.abs().double()
                    steps = torch.maximum(steps, (largest if len(steps) > 1 else largest.max()) / HIGH)
                layer.log2_step.copy_(torch.log2(steps))
            elif isinstance(layer, QuantizedMean):
                largest = max(np.quantile(x.codes.sum(1).abs().numpy(), 0.9999), 1.0)
                layer.shift.fill_(min(max(math.ceil(math.log2(largest / HIGH)), 1), math.log2(layer.tokens)))
            found.append(self._applied(layer, found))
        return self

    def take_weights(self, network: ResMLP, images: torch.Tensor) -> None:
        """Start from a trained network of the same shape; images, of the training part, calibrate the steps."""
        self.load_state_dict(Int8ResMLP(network).calibrate(images).state_dict())

    def outputs(self, images: torch.Tensor) -> List[Codes]:
        """What each layer gives; the logits last."""
        found = [self._pixels(images)]
        for layer in self.layers:
            found.append(self._applied(layer, found))
        return found[1:]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.outputs(images)[-1]
        return (logits.codes * logits.step).float()

    @torch.no_grad()
    def codes(self, images: torch.Tensor) -> List[torch.Tensor]:
        """What each layer gives, in codes: equal to lst_overlay.network.resmlp.outputs."""
        return [output.codes for output in self.outputs(images)]

    def logits_q(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 32, 32, 3) uint8 -> (N, classes) int64: equal to lst_overlay.network.resmlp.logits."""
        return self.codes(images)[-1].long()

    @torch.no_grad()
    def export(self, name: str, provenance: dict) -> Int8Network:
        """The integer network that this module computes."""
        network = self.cpu()
        steps, layers = [torch.ones(1, dtype=torch.float64)], []
        for layer in network.layers:
            layers.append(
                layer.layer(steps[-1], steps[layer.source + 1])
                if isinstance(layer, QuantizedAdd)
                else layer.layer(steps[-1])
            )
            steps.append(torch.from_numpy(layers[-1].step))
        return Int8Network(name, ResMLP.kind, self.image_shape, PATCH, tuple(layers), provenance)

    @staticmethod
    def _pixels(images: torch.Tensor) -> Codes:
        return Codes(arithmetic.pixel_codes(images), torch.ones(1, dtype=torch.float64, device=images.device))

    @staticmethod
    def _applied(layer: nn.Module, found: List[Codes]) -> Codes:
        return (
            layer(found[-1], found[layer.source + 1]) if isinstance(layer, QuantizedAdd) else layer(found[-1])
        )


def best_steps(
    values: torch.Tensor, count: int, function: Optional[QuantizedFunction] = None
) -> torch.Tensor:
    """(count,) float64: with which int8 codes of these values, (..., channels), err least in the mean square; of a table's input,
    behind the table. count: as many as channels, or 1 for all.

    A table has an entry for every fourth code: what its entries straddle weighs more than what lies beyond them.
    """
    rows = values.flatten(0, -2).double()
    if len(rows) > _SAMPLE:
        rows = rows[torch.randint(len(rows), (_SAMPLE,), generator=torch.Generator().manual_seed(0))]
    wanted = rows if function is None else function.real(rows)
    largest = rows.abs().amax(0) if count > 1 else rows.abs().max()[None]
    largest = largest.clamp(min=largest.max() / _RANGE)
    steps = torch.linspace(0.1, 1.0, 46, dtype=torch.float64)[:, None] * largest.clamp(min=1e-6) / HIGH
    errors = []
    for step in steps:
        codes = round_half_up(rows / step).clamp(LOW, HIGH)
        found = codes * step if function is None else function.along_lines(codes, step)
        error = (found - wanted).square().mean(0)
        errors.append(error if count > 1 else error.mean()[None])
    return steps.gather(0, torch.stack(errors).argmin(0)[None])[0]


def _folded(network: ResMLP) -> Iterator[nn.Module]:
    """The layers of a network in evaluation, normalisation and affines in them."""
    weight, bias = network.embed.weight.double(), network.embed.bias.double()
    mean, deviation = (
        torch.tensor(numbers, dtype=torch.float64).repeat(PATCH * PATCH) for numbers in (MEAN, DEVIATION)
    )
    # A code c is the pixel c + 128, which stands for ((c + 128) / 255 - mean) / deviation.
    yield QuantizedMatrix(
        Axis.CHANNELS, weight / (255 * deviation), bias + weight @ ((-LOW / 255 - mean) / deviation)
    )
    count, block_input = 1, 0
    for block in network.blocks:
        for part in block:
            layers = list(_mixer(part) if isinstance(part, TokenMixer) else _mlp(part))
            count += len(layers) + 1
            yield from layers
            yield QuantizedAdd(block_input)
            block_input = count - 1
    gain, offset = _gain(network.norm)
    yield QuantizedMean(len(network.blocks[0][0].mix.weight))
    head = network.head
    yield QuantizedClassifier(head.weight * gain, head.bias + head.weight.double() @ offset)


def _mixer(mixer: TokenMixer) -> Iterator[nn.Module]:
    yield QuantizedAffine(*_gain(mixer.norm), one_step=True)  # the matrix over the tokens knows no channels
    yield QuantizedMatrix(Axis.TOKENS, mixer.mix.weight, mixer.mix.bias)
    yield QuantizedAffine(mixer.affine.scale, mixer.affine.shift)


def _mlp(mlp: ChannelMLP) -> Iterator[nn.Module]:
    gain, offset = _gain(mlp.norm)
    expand, bias = mlp.expand.weight.double(), mlp.expand.bias.double()
    if mlp.before is None:
        yield QuantizedMatrix(Axis.CHANNELS, expand * gain, bias + expand @ offset, relu=True)
    else:
        yield QuantizedFunction(mlp.before, gain, offset)
        yield QuantizedMatrix(Axis.CHANNELS, expand, bias)
        yield QuantizedFunction(mlp.between)
    affine: Affine = mlp.affine
    yield QuantizedMatrix(
        Axis.CHANNELS,
        mlp.reduce.weight * affine.scale[:, None],
        mlp.reduce.bias * affine.scale + affine.shift,
    )


def _gain(norm: TokenNorm) -> Tuple[torch.Tensor, torch.Tensor]:
    """What normalisation does in evaluation: (gain, offset) of each channel, float64."""
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return gain, norm.bias.double() - norm.running_mean.double() * gain
