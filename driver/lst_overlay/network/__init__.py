"""The contract between model, gateware and driver, in NumPy alone: number formats, network file, integer reference."""

from .archive import NetworkFileError, content_hash, load_network, save_network
from .formats import QFormat, code_range, quantize
from .lst.layers import Activation, Axis, Layer, Network, NetworkError, check_name
from .lst.parameters import PARAMETER_BYTES, parameter_crc, parameter_words
from .lst.reference import classify, hidden, logits, pixel_codes

__all__ = [
    "QFormat",
    "code_range",
    "quantize",
    "Activation",
    "Axis",
    "Layer",
    "Network",
    "NetworkError",
    "check_name",
    "NetworkFileError",
    "content_hash",
    "load_network",
    "save_network",
    "PARAMETER_BYTES",
    "parameter_crc",
    "parameter_words",
    "classify",
    "hidden",
    "logits",
    "pixel_codes",
]
