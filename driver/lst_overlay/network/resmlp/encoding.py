"""INT8 networks in network files: version 3 of the format of `lst_overlay.network`, one entry for each layer."""

from __future__ import annotations

from typing import Dict

import numpy as np

from ..archive import (
    FORMAT,
    INT8_VERSION,
    NetworkFileError,
    decoded,
    hash_of,
    read_archive,
    stored,
    write_archive,
)
from ..lst.layers import NetworkError
from .layers import Add, Affine, Classifier, Golden, Int8Network, Layer, Matrix, Mean, Table

# Of each kind of layer, what lies in the header and what in arrays of its own.
_KINDS = {
    "matrix": (
        Matrix,
        ("axis", "relu"),
        {"weights_q": "|i1", "shift": "|i1", "bias_q": "|i1", "step": "<f8"},
    ),
    "affine": (Affine, (), {"weights_q": "|i1", "shift": "|i1", "bias_q": "|i1", "step": "<f8"}),
    "table": (Table, ("function",), {"table_q": "|i1", "step": "<f8"}),
    "add": (Add, ("source",), {"weights_q": "|i1", "shift": "|i1", "step": "<f8"}),
    "mean": (Mean, ("shift",), {"step": "<f8"}),
    "classifier": (Classifier, (), {"weights_q": "|i1", "bias_q": "<i4", "step": "<f8"}),
}


def save_network(network: Int8Network, path) -> str:
    """Write the file, whole or not at all. Returns the content hash (sha256, hexadecimal)."""
    return write_archive(path, *_encode(network))


def load_network(path) -> Int8Network:
    """Read a network file. Raises FileNotFoundError, or NetworkFileError with one line that says what is wrong."""
    header, arrays = read_archive(path)
    if header["version"] != INT8_VERSION:
        raise NetworkFileError(
            f"{path}: a network of the LST family ({header.get('kind')}), where an INT8 network is wanted; "
            "lst_overlay.network.load_network reads it"
        )
    return decoded(path, _decode, header, arrays)


def content_hash(network: Int8Network) -> str:
    """sha256 over header and arrays, hexadecimal: the network's identity."""
    return hash_of(*_encode(network))


def holds_int8(path) -> bool:
    """Whether a network file is one of these; errors as of `load_network`."""
    return read_archive(path)[0]["version"] == INT8_VERSION


def _encode(network: Int8Network) -> tuple:
    arrays: Dict[str, np.ndarray] = {}
    entries = []
    for number, layer in enumerate(network.layers):
        name, (_, keys, members) = next(
            (name, kind) for name, kind in _KINDS.items() if isinstance(layer, kind[0])
        )
        entries.append({"layer": name, **{key: getattr(layer, key) for key in keys}})
        for member, dtype in members.items():
            arrays[f"layer{number}.{member}"] = getattr(layer, member).astype(dtype)
    if network.golden is not None:
        arrays["golden.image"] = network.golden.image.astype("|u1")
        for number, (layer, output) in enumerate(zip(network.layers, network.golden.outputs)):
            arrays[f"golden.layer{number}"] = output.astype(_golden_dtype(layer))
    header = {
        "format": FORMAT,
        "version": INT8_VERSION,
        "name": network.name,
        "kind": network.kind,
        "image_shape": list(network.image_shape),
        "patch": network.patch,
        "layers": entries,
        "provenance": network.provenance,
    }
    return header, arrays


def _decode(header: Dict, arrays: Dict[str, np.ndarray]) -> Int8Network:
    layers = tuple(_layer(number, entry, arrays) for number, entry in enumerate(header["layers"]))
    golden = None
    if "golden.image" in arrays:
        outputs = tuple(
            stored(arrays, f"golden.layer{number}", _golden_dtype(layer)).astype(_golden_dtype(layer))
            for number, layer in enumerate(layers)
        )
        golden = Golden(stored(arrays, "golden.image", "|u1").astype(np.uint8), outputs)
    return Int8Network(
        header["name"],
        header["kind"],
        tuple(header["image_shape"]),
        header["patch"],
        layers,
        header["provenance"],
        golden,
    )


def _layer(number: int, entry: Dict, arrays: Dict[str, np.ndarray]) -> Layer:
    if entry["layer"] not in _KINDS:
        raise NetworkError(f"layer {number} is of kind {entry['layer']!r}; there are {', '.join(_KINDS)}")
    kind, keys, members = _KINDS[entry["layer"]]
    try:
        return kind(
            **{key: entry[key] for key in keys},
            **{
                member: _member(arrays, f"layer{number}.{member}", dtype) for member, dtype in members.items()
            },
        )
    except NetworkError as error:
        raise NetworkError(f"layer {number} ({entry['layer']}): {error}") from None


def _member(arrays: Dict[str, np.ndarray], name: str, dtype: str) -> np.ndarray:
    """Integers as int64, steps as they are."""
    if name not in arrays:
        raise NetworkError(f"{name} is missing")
    return stored(arrays, name, dtype, np.float64 if dtype == "<f8" else np.int64)


def _golden_dtype(layer: Layer) -> str:
    return "<i4" if isinstance(layer, Classifier) else "|i1"
