"""The contract between model, gateware and driver, in NumPy alone: number formats, network file, integer reference."""

from .archive import NetworkFileError, content_hash, load_network, save_network
from .formats import QFormat, code_range, quantize
from .lst.layers import Activation, Axis, Layer, Network, NetworkError, check_name
from .lst.parameters import IMAGE_BYTES, image_crc, parameter_image
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
    "IMAGE_BYTES",
    "image_crc",
    "parameter_image",
    "classify",
    "hidden",
    "logits",
    "pixel_codes",
]
