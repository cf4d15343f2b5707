"""The contract between model, gateware and driver: number formats, network file, integer reference.

The functions here take and give networks of either family. What belongs to the LST family alone is listed
last; the layers of the ResMLP family are in `lst_overlay.network.resmlp`.
"""

from .archive import NetworkError, NetworkFileError
from .families import classify, content_hash, load_network, logits, outputs, save_network, with_golden
from .family import Network, check_family, check_name
from .formats import QFormat, code_range, quantize
from .lst import (
    PARAMETER_BYTES,
    Activation,
    Axis,
    Layer,
    LSTNetwork,
    parameter_crc,
    parameter_words,
    pixel_codes,
)

__all__ = [
    "QFormat",
    "code_range",
    "quantize",
    "Network",
    "NetworkError",
    "NetworkFileError",
    "check_family",
    "check_name",
    "load_network",
    "save_network",
    "content_hash",
    "logits",
    "outputs",
    "classify",
    "with_golden",
    "Activation",
    "Axis",
    "Layer",
    "LSTNetwork",
    "PARAMETER_BYTES",
    "parameter_crc",
    "parameter_words",
    "pixel_codes",
]
