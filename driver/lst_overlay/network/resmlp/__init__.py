"""The ResMLP family: codes between layers, requantised by shifts, with ReLU or learned functions."""

from functools import partial

from ..family import Family
from .array_format import ARRAYS
from .array_parameters import array_words
from .encoding import VERSIONS, decode, encode
from .layers import Add, Affine, Axis, Classifier, Golden, Matrix, Mean, ResMLPNetwork, Table
from .reference import logits, outputs, pixel_codes, with_golden

FAMILY = Family(
    "resmlp",
    VERSIONS,
    ResMLPNetwork,
    encode,
    decode,
    logits,
    outputs,
    with_golden,
    {engine: partial(array_words, fmt=fmt) for engine, fmt in ARRAYS.items()},
)

__all__ = [
    "FAMILY",
    "Add",
    "Affine",
    "Axis",
    "Classifier",
    "Golden",
    "Matrix",
    "Mean",
    "ResMLPNetwork",
    "Table",
    "pixel_codes",
]
