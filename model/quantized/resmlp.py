"""ResMLP quantised for training: normalisation is folded, steps are chosen by calibration, then learned."""

from __future__ import annotations

import math
from typing import Iterator, List, Optional, Tuple

import numpy as np
import torch
from torch import nn

from lst_overlay.network.resmlp import Axis, ResMLPNetwork
from lst_overlay.network.resmlp.layers import HIGH, MAX_BITS, code_range
from model.networks.resmlp import DEVIATION, MEAN, PATCH, Affine, ChannelMLP, ResMLP, TokenMixer, TokenNorm
from model.quantized import resmlp_arithmetic as arithmetic
from model.quantized.lst import round_half_up
from model.quantized.network import Codes, QuantizedNetwork
from model.quantized.resmlp_layers import (
    Quantized,
    QuantizedAdd,
    QuantizedAffine,
    QuantizedClassifier,
    QuantizedFunction,
    QuantizedMatrix,
    QuantizedMean,
)

# Greatest over least step of a tensor: other images may excite a channel that the calibration images do not.
_RANGE = 32
_SAMPLE = 2048  # tokens of a tensor by which its steps are chosen


class QuantizedResMLP(QuantizedNetwork):
    """A ResMLP in codes, made of a float network. `calibrate` chooses its steps.

    weights, codes, residual, pixels: bits of the matrices' weights, of the codes that enter matrices, of the
    residual stream and of the matrices' other outputs, and of the pixels. Affines and residual additions have
    8-bit weights. With narrower codes than the residual stream, an affine narrows what enters an MLP with
    ReLU; a learned function's table does so itself.
    entries: of the table of a channel.
    """

    family = "resmlp"
    kind = ResMLP.kind
    image_shape = ResMLP.image_shape

    def __init__(
        self,
        network: ResMLP,
        *,
        weights: int = MAX_BITS,
        codes: int = MAX_BITS,
        residual: int = MAX_BITS,
        pixels: int = MAX_BITS,
        entries: int = 64,
    ):
        super().__init__()
        self.widths = {
            "weights": weights,
            "codes": codes,
            "residual": residual,
            "pixels": pixels,
            "entries": entries,
        }
        self.layers = nn.ModuleList(_folded(network, **self.widths))

    @torch.no_grad()
    def calibrate(self, images: torch.Tensor) -> QuantizedResMLP:
        """As the base class says. Each layer sees the codes that the layers before it give by then."""
        outputs = [self._pixels(images)]
        for number, layer in enumerate(self.layers):
            x = outputs[-1]
            if isinstance(layer, Quantized):
                y = layer.real((x.codes * x.step).float())
                following = self.layers[number + 1]
                if isinstance(following, QuantizedAdd):  # the sum has this step, so it is what must fit
                    source = outputs[following.source + 1]
                    y, following = y + source.codes * source.step, self.layers[number + 2]
                function = following if isinstance(following, QuantizedFunction) else None
                steps = best_steps(y, len(layer.log2_step), layer.bits, function)
                if not isinstance(layer, QuantizedFunction):
                    # Biases are int8 codes of the output, and must fit.
                    largest = layer.bias.abs().double()
                    steps = torch.maximum(steps, (largest if len(steps) > 1 else largest.max()) / HIGH)
                layer.log2_step.copy_(torch.log2(steps))
            elif isinstance(layer, QuantizedMean):
                largest = max(np.quantile(x.codes.sum(1).abs().numpy(), 0.9999), 1.0)
                layer.shift.fill_(
                    min(
                        max(math.ceil(math.log2(largest / code_range(layer.bits)[1])), 1),
                        math.log2(layer.tokens),
                    )
                )
            outputs.append(self._applied(layer, outputs))
        return self

    def take_weights(self, network: ResMLP, images: torch.Tensor) -> None:
        self.load_state_dict(QuantizedResMLP(network, **self.widths).calibrate(images).state_dict())

    def outputs(self, images: torch.Tensor) -> List[Codes]:
        """The output of each layer, the logits last."""
        outputs = [self._pixels(images)]
        for layer in self.layers:
            outputs.append(self._applied(layer, outputs))
        return outputs[1:]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.outputs(images)[-1]
        return (logits.codes * logits.step).float()

    @torch.no_grad()
    def outputs_q(self, images: torch.Tensor) -> List[torch.Tensor]:
        return [output.codes for output in self.outputs(images)]

    @torch.no_grad()
    def export(self, name: str, provenance: dict) -> ResMLPNetwork:
        network = self.cpu()
        steps, layers = [torch.ones(1, dtype=torch.float64)], []
        for layer in network.layers:
            layers.append(
                layer.layer(steps[-1], steps[layer.source + 1])
                if isinstance(layer, QuantizedAdd)
                else layer.layer(steps[-1])
            )
            steps.append(torch.tensor(layers[-1].step))
        return ResMLPNetwork(
            name,
            self.kind,
            self.image_shape,
            PATCH,
            tuple(layers),
            provenance,
            pixel_bits=self.widths["pixels"],
        )

    def _pixels(self, images: torch.Tensor) -> Codes:
        codes = arithmetic.pixel_codes(images, bits=self.widths["pixels"])
        return Codes(codes, torch.ones(1, dtype=torch.float64, device=images.device))

    @staticmethod
    def _applied(layer: nn.Module, outputs: List[Codes]) -> Codes:
        """outputs: those of the network's pixels and of all earlier layers."""
        if isinstance(layer, QuantizedAdd):
            return layer(outputs[-1], outputs[layer.source + 1])
        return layer(outputs[-1])


def best_steps(
    values: torch.Tensor, count: int, bits: int, function: Optional[QuantizedFunction] = None
) -> torch.Tensor:
    """The steps, (count,) float64, with which codes of the values have the least mean square error.

    values: (..., channels). count: the number of channels, or 1 for a step that all share.
    function: the table that the values enter, if they enter one. The error is then measured behind the
        table: it has an entry for every few codes only, so that coarse entries may cost more than clipped
        values.
    """
    rows, (low, high) = values.flatten(0, -2).double(), code_range(bits)
    if len(rows) > _SAMPLE:
        rows = rows[torch.randint(len(rows), (_SAMPLE,), generator=torch.Generator().manual_seed(0))]
    exact = rows if function is None else function.real(rows)
    largest = rows.abs().amax(0) if count > 1 else rows.abs().max()[None]
    largest = largest.clamp(min=largest.max() / _RANGE)
    steps = torch.linspace(0.1, 1.0, 46, dtype=torch.float64)[:, None] * largest.clamp(min=1e-6) / high
    errors = []
    for step in steps:
        codes = round_half_up(rows / step).clamp(low, high)
        quantized = codes * step if function is None else function.along_lines(codes, step)
        error = (quantized - exact).square().mean(0)
        errors.append(error if count > 1 else error.mean()[None])
    return steps.gather(0, torch.stack(errors).argmin(0)[None])[0]


def _folded(
    network: ResMLP, weights: int, codes: int, residual: int, pixels: int, entries: int
) -> Iterator[nn.Module]:
    """The layers of a network in evaluation mode, with normalisation and affines folded into them."""
    weight, bias = network.embed.weight.double(), network.embed.bias.double()
    mean, deviation = (
        torch.tensor(numbers, dtype=torch.float64).repeat(PATCH * PATCH) for numbers in (MEAN, DEVIATION)
    )
    # A code is the mean of the pixels with its bits, and stands for (pixel / 255 - mean) / deviation.
    unit = 2 ** (MAX_BITS - pixels)
    centre = 2 ** (MAX_BITS - 1) + (unit - 1) / 2
    yield QuantizedMatrix(
        Axis.CHANNELS,
        weight * unit / (255 * deviation),
        bias + weight @ ((centre / 255 - mean) / deviation),
        bits=residual,
        weight_bits=weights,
    )
    count, block_input = 1, 0
    for block in network.blocks:
        for part in block:
            make = _mixer if isinstance(part, TokenMixer) else _mlp
            layers = list(make(part, weights, codes, residual, entries))
            count += len(layers) + 1
            yield from layers
            yield QuantizedAdd(block_input, residual)
            block_input = count - 1
    gain, offset = _gain(network.norm)
    yield QuantizedMean(len(network.blocks[0][0].mix.weight), codes)
    head = network.head
    yield QuantizedClassifier(head.weight * gain, head.bias + head.weight.double() @ offset, weights)


def _mixer(mixer: TokenMixer, weights: int, codes: int, residual: int, entries: int) -> Iterator[nn.Module]:
    # One step before and after the matrix over the tokens, which is the same for all channels.
    yield QuantizedAffine(*_gain(mixer.norm), one_step=True, bits=codes)
    mix = mixer.mix
    yield QuantizedMatrix(Axis.TOKENS, mix.weight, mix.bias, bits=residual, weight_bits=weights)
    yield QuantizedAffine(mixer.affine.scale, mixer.affine.shift, bits=residual)


def _mlp(mlp: ChannelMLP, weights: int, codes: int, residual: int, entries: int) -> Iterator[nn.Module]:
    gain, offset = _gain(mlp.norm)
    expand, bias = mlp.expand.weight.double(), mlp.expand.bias.double()
    if mlp.before is not None:
        tables = {"entries": entries, "input_bits": residual, "bits": codes}
        yield QuantizedFunction(mlp.before, gain, offset, **tables)
        yield QuantizedMatrix(Axis.CHANNELS, expand, bias, bits=residual, weight_bits=weights)
        yield QuantizedFunction(mlp.between, **tables)
    elif codes < residual:
        yield QuantizedAffine(gain, offset, bits=codes)
        yield QuantizedMatrix(Axis.CHANNELS, expand, bias, relu=True, bits=codes, weight_bits=weights)
    else:
        folded = expand * gain, bias + expand @ offset
        yield QuantizedMatrix(Axis.CHANNELS, *folded, relu=True, bits=codes, weight_bits=weights)
    affine: Affine = mlp.affine
    yield QuantizedMatrix(
        Axis.CHANNELS,
        mlp.reduce.weight * affine.scale[:, None],
        mlp.reduce.bias * affine.scale + affine.shift,
        bits=residual,
        weight_bits=weights,
    )


def _gain(norm: TokenNorm) -> Tuple[torch.Tensor, torch.Tensor]:
    """Normalisation in evaluation mode as (gain, offset) of each channel, float64."""
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return gain, norm.bias.double() - norm.running_mean.double() * gain
