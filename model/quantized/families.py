"""What torch adds to each family of `lst_overlay.network`, found by the family's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Union

import torch
from torch import nn

from lst_overlay.network import Network, QFormat
from model.quantized.fixed_point import quantize_post_training
from model.quantized.lst_arithmetic import IntegerLST
from model.quantized.network import IntegerModule, QuantizedNetwork
from model.quantized.resmlp import QuantizedResMLP
from model.quantized.resmlp_arithmetic import IntegerResMLP

INT8 = "int8"
Format = Union[QFormat, str]  # of post-training quantisation: Qm.n, or "int8"


@dataclass(frozen=True)
class TorchFamily:
    """title: the family in messages. formats: the formats that `accepts` accepts, in words.

    integers: a network file -> its integers in torch.
    post_training: (float network, format, calibration images) -> the network quantised without further
        training.
    """

    title: str
    formats: str
    accepts: Callable[[Format], bool]
    integers: Callable[[Network], IntegerModule]
    post_training: Callable[[nn.Module, Format, torch.Tensor], QuantizedNetwork]


FAMILIES: Dict[str, TorchFamily] = {
    "lst": TorchFamily(
        "the LST family",
        "Qm.n, such as Q6.7",
        lambda fmt: isinstance(fmt, QFormat),
        IntegerLST,
        lambda network, fmt, images: quantize_post_training(network, fmt),
    ),
    "resmlp": TorchFamily(
        "ResMLP",
        INT8,
        lambda fmt: fmt == INT8,
        IntegerResMLP,
        lambda network, fmt, images: QuantizedResMLP(network).calibrate(images),
    ),
}


def integers_of(network: Network) -> IntegerModule:
    """A network file's integers in torch, to compare the reference with."""
    return FAMILIES[network.family].integers(network)
