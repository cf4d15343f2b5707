"""The LST family: fully connected layers along rows, columns or all of an image, with tables between them."""

from ..family import Family
from .encoding import VERSIONS, decode, encode
from .layers import Activation, Axis, Layer, LSTNetwork
from .parameters import PARAMETER_BYTES, parameter_crc, parameter_words
from .reference import logits, outputs, pixel_codes

FAMILY = Family(
    "lst",
    VERSIONS,
    LSTNetwork,
    encode,
    decode,
    logits,
    outputs,
    engines={"pixel_serial": parameter_words},
)

__all__ = [
    "FAMILY",
    "Activation",
    "Axis",
    "Layer",
    "LSTNetwork",
    "PARAMETER_BYTES",
    "parameter_crc",
    "parameter_words",
    "pixel_codes",
]
