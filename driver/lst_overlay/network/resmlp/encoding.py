"""ResMLP networks in network files: for each layer an entry of the header, and an array for each member.

What an INT8 network has not - other widths, biases in `add`, shifts in the classifier - is written only
where a network has it, and makes the file one of version 4.
"""

from __future__ import annotations

from typing import Dict, Tuple

import numpy as np

from ..archive import FORMAT, Arrays, NetworkError, stored
from .layers import MAX_BITS, Add, Affine, Classifier, Golden, Layer, Matrix, Mean, ResMLPNetwork, Table

VERSIONS = INT8_VERSION, VERSION = 3, 4

# For each kind of layer: its class, its members in the header, its members in arrays with their types.
_KINDS = {
    "matrix": (
        Matrix,
        ("axis", "relu", "bits", "weight_bits"),
        {"weights_q": "|i1", "shift": "|i1", "bias_q": "|i1", "step": "<f8"},
    ),
    "affine": (Affine, ("bits",), {"weights_q": "|i1", "shift": "|i1", "bias_q": "|i1", "step": "<f8"}),
    "table": (Table, ("function", "bits"), {"table_q": "|i1", "step": "<f8"}),
    "add": (Add, ("source", "bits"), {"weights_q": "|i1", "shift": "|i1", "bias_q": "|i1", "step": "<f8"}),
    "mean": (Mean, ("shift", "bits"), {"step": "<f8"}),
    "classifier": (
        Classifier,
        ("weight_bits",),
        {"weights_q": "|i1", "shift": "|i1", "bias_q": "<i4", "step": "<f8"},
    ),
}
_WIDTHS = ("bits", "weight_bits")  # header members that are left out where they are MAX_BITS
_ZEROS = {Add: "bias_q", Classifier: "shift"}  # arrays that are left out where they are zeros


def encode(network: ResMLPNetwork) -> Tuple[Dict, Arrays]:
    """The header and the arrays of the network's file."""
    arrays: Arrays = {}
    entries = []
    for number, layer in enumerate(network.layers):
        name, (_, keys, members) = next(
            (name, kind) for name, kind in _KINDS.items() if isinstance(layer, kind[0])
        )
        entries.append(
            {"layer": name, **{key: getattr(layer, key) for key in keys if not _is_int8(layer, key)}}
        )
        for member, dtype in members.items():
            if not _is_int8(layer, member):
                arrays[f"layer{number}.{member}"] = getattr(layer, member).astype(dtype)
    if network.golden is not None:
        arrays["golden.image"] = network.golden.image.astype("|u1")
        for number, (layer, output) in enumerate(zip(network.layers, network.golden.outputs)):
            arrays[f"golden.layer{number}"] = output.astype(_golden_dtype(layer))
    is_int8 = network.pixel_bits == MAX_BITS and all(
        _is_int8(layer, member)
        for layer in network.layers
        for member in (*_WIDTHS, _ZEROS.get(type(layer)))
        if member is not None and hasattr(layer, member)
    )
    header = {
        "format": FORMAT,
        "version": INT8_VERSION if is_int8 else VERSION,
        "name": network.name,
        "kind": network.kind,
        "image_shape": list(network.image_shape),
        "patch": network.patch,
        "layers": entries,
        "provenance": network.provenance,
    }
    if network.pixel_bits != MAX_BITS:
        header["pixel_bits"] = network.pixel_bits
    return header, arrays


def _is_int8(layer: Layer, member: str) -> bool:
    """Whether the member is one that INT8 networks have not, with the value that stands for that."""
    if member in _WIDTHS:
        return getattr(layer, member) == MAX_BITS
    return member == _ZEROS.get(type(layer)) and not getattr(layer, member).any()


def decode(header: Dict, arrays: Arrays) -> ResMLPNetwork:
    """The network that `encode` made header and arrays of."""
    layers = tuple(_layer(number, entry, arrays) for number, entry in enumerate(header["layers"]))
    golden = None
    if "golden.image" in arrays:
        outputs = tuple(
            stored(arrays, f"golden.layer{number}", _golden_dtype(layer)).astype(_golden_dtype(layer))
            for number, layer in enumerate(layers)
        )
        golden = Golden(stored(arrays, "golden.image", "|u1").astype(np.uint8), outputs)
    return ResMLPNetwork(
        header["name"],
        header["kind"],
        tuple(header["image_shape"]),
        header["patch"],
        layers,
        header["provenance"],
        golden,
        header.get("pixel_bits", MAX_BITS),
    )


def _layer(number: int, entry: Dict, arrays: Arrays) -> Layer:
    if entry["layer"] not in _KINDS:
        raise NetworkError(f"layer {number} is of kind {entry['layer']!r}; there are {', '.join(_KINDS)}")
    kind, keys, members = _KINDS[entry["layer"]]
    try:
        return kind(
            **{key: entry[key] for key in keys if key in entry or key not in _WIDTHS},
            **{
                member: _member(arrays, f"layer{number}.{member}", dtype)
                for member, dtype in members.items()
                if member != _ZEROS.get(kind) or f"layer{number}.{member}" in arrays
            },
        )
    except NetworkError as error:
        raise NetworkError(f"layer {number} ({entry['layer']}): {error}") from None


def _member(arrays: Arrays, name: str, dtype: str) -> np.ndarray:
    """A member of a layer: integers as int64, steps as float64."""
    if name not in arrays:
        raise NetworkError(f"{name} is missing")
    return stored(arrays, name, dtype, np.float64 if dtype == "<f8" else np.int64)


def _golden_dtype(layer: Layer) -> str:
    return "<i4" if isinstance(layer, Classifier) else "|i1"
