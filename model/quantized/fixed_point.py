"""Post-training quantisation of the LST family to a format Qm.n, through fxpmath."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import List

import numpy as np
import torch
from fxpmath import Fxp
from torch import nn

from lst_overlay.network import QFormat
from model.quantized.lst import QuantizedLST, round_down

PIXEL_BITS = 8  # post-training quantisation keeps all bits of the pixels
ROUNDINGS = ("nearest", "floor")


@dataclass(frozen=True)
class OneWidth:
    """The same width for all weights and activations."""

    width: int
    pixels: int = PIXEL_BITS

    def weights_of(self, layers: int) -> List[int]:
        return [self.width] * layers

    def activations_of(self, layers: int) -> List[int]:
        return [self.width] * layers


def to_fxp(values, fmt: QFormat) -> Fxp:
    """Real values -> fxpmath numbers of the format, the only way from QFormat to Fxp.

    fxpmath cannot round ties up (its 'around' sends them to even), so it is given values that need no
    rounding.
    """
    return Fxp(
        fmt.dequantize(fmt.quantize(values)),
        signed=True,
        n_word=fmt.width,
        n_frac=fmt.frac_bits,
        rounding="floor",
        overflow="saturate",
    )


def from_fxp(number: Fxp) -> QFormat:
    """The format of an fxpmath number: 'fxp-s13/7' is Q6.7."""
    if not number.signed:
        raise ValueError(f"a QFormat is signed, {number.dtype} is not")
    return QFormat(number.n_word - number.n_frac, number.n_frac)


def fixed_point(network: nn.Module, fmt: QFormat) -> QuantizedLST:
    """A trained float network -> the same with weights and activations in the format, to be trained further.

    The steps keep the values that the format gives them. Biases are in the accumulator's unit.
    """
    quantized = QuantizedLST.from_float(network, OneWidth(fmt.width))
    for layer in quantized.layers:
        layer.set_step(fmt.step)
        if layer.activation is not None and layer.add is None:
            layer.set_activation_step(fmt.step)
    for name, parameter in quantized.named_parameters():
        if name.endswith("_step"):
            parameter.requires_grad_(False)
    return quantized


def quantize_post_training(network: nn.Module, fmt: QFormat, rounding: str = "nearest") -> QuantizedLST:
    """A trained float network -> the same with weights and activations in the format.

    rounding: "nearest" (ties up), or "floor", which truncates weights and table entries as a careless
        conversion does.
    """
    _check_rounding(rounding)
    quantized = fixed_point(network, fmt)
    for layer in quantized.layers:
        if rounding == "floor":
            layer.round = round_down
        else:
            values = to_fxp(layer.weight.detach().numpy(), fmt).get_val()
            layer.weight.data = torch.from_numpy(values).to(layer.weight.dtype)
    return quantized.eval()


def quantize_weights(network: nn.Module, fmt: QFormat, rounding: str = "nearest") -> nn.Module:
    """A trained float network -> a copy with weights in the format; biases and activations stay real.

    rounding: as for `quantize_post_training`, and with it the same weights.
    """
    _check_rounding(rounding)
    quantized = copy.deepcopy(network).fold_normalization()
    for stage in quantized.stages():
        weights = stage.linear.weight.detach().double().numpy()
        codes = fmt.quantize(weights) if rounding == "nearest" else np.floor(weights / fmt.step)
        values = codes.clip(-fmt.max_code, fmt.max_code) * fmt.step
        stage.linear.weight.data = torch.from_numpy(values).to(stage.linear.weight.dtype)
    return quantized.eval()


def _check_rounding(rounding: str) -> None:
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be {' or '.join(ROUNDINGS)}, not {rounding!r}")
