"""INT8 networks (ResMLP with ReLU or learned functions), in NumPy alone: layers, network file, integer reference."""

from .. import NetworkError, NetworkFileError, classify
from .encoding import content_hash, holds_int8, load_network, save_network
from .layers import Add, Affine, Axis, Classifier, Golden, Int8Network, Matrix, Mean, Table
from .reference import golden, logits, outputs, pixel_codes

__all__ = [
    "NetworkError",
    "NetworkFileError",
    "classify",
    "Add",
    "Affine",
    "Axis",
    "Classifier",
    "Golden",
    "Int8Network",
    "Matrix",
    "Mean",
    "Table",
    "content_hash",
    "holds_int8",
    "load_network",
    "save_network",
    "golden",
    "logits",
    "outputs",
    "pixel_codes",
]
