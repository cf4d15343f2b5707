"""LST networks in network files: an entry of the header and two or three arrays for each layer.

Version 2 of the file added tables per channel and sums, version 5 several rows per vector. A network is
written as the earliest version that can hold it, for boards that are not yet updated.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ..archive import FORMAT, Arrays, NetworkError, stored
from .layers import Activation, Axis, Layer, LSTNetwork

PLAIN, WITH_CHANNEL_TABLES_OR_SUMS, WITH_ROWS_PER_VECTOR = VERSIONS = (1, 2, 5)


def encode(network: LSTNetwork) -> Tuple[Dict, Arrays]:
    """The header and the arrays of the network's file."""
    arrays: Arrays = {}
    for number, layer in enumerate(network.layers):
        arrays[f"layer{number}.weights_q"] = layer.weights_q.astype("<i2")
        arrays[f"layer{number}.bias_q"] = layer.bias_q.astype("<i4")
        if layer.activation is not None:
            arrays[f"layer{number}.table_q"] = layer.activation.table_q.astype("<i2")
    header = {
        "format": FORMAT,
        "version": _version(network),
        "name": network.name,
        "kind": network.kind,
        "pixel_bits": network.pixel_bits,
        "image_shape": list(network.image_shape),
        "layers": [_entry(layer) for layer in network.layers],
        "provenance": network.provenance,
    }
    if network.rows_per_vector > 1:
        header["rows_per_vector"] = network.rows_per_vector
    return header, arrays


def decode(header: Dict, arrays: Arrays) -> LSTNetwork:
    """The network that `encode` made header and arrays of."""
    return LSTNetwork(
        header["name"],
        header["kind"],
        header["pixel_bits"],
        tuple(header["image_shape"]),
        tuple(_layer(number, entry, arrays) for number, entry in enumerate(header["layers"])),
        header["provenance"],
        header.get("rows_per_vector", 1),
    )


def _version(network: LSTNetwork) -> int:
    if network.rows_per_vector > 1:
        return WITH_ROWS_PER_VECTOR
    for layer in network.layers:
        if layer.add is not None or layer.activation is not None and layer.activation.per_channel:
            return WITH_CHANNEL_TABLES_OR_SUMS
    return PLAIN


def _entry(layer: Layer) -> Dict[str, Any]:
    entry = {
        "axis": layer.axis.value,
        "fan_in": layer.fan_in,
        "fan_out": layer.fan_out,
        "weights_width": layer.weights_width,
        "weights_step": layer.weights_step,
        "activation": None,
    }
    a = layer.activation
    if a is not None:
        entry["activation"] = {
            "function": a.function,
            "shift": a.shift,
            "index_width": a.index_width,
            "index_step": a.index_step,
            "width": a.width,
            "step": a.step,
        }
    if layer.add is not None:
        entry["add"] = layer.add
    return entry


def _layer(number: int, entry: Dict[str, Any], arrays: Arrays) -> Layer:
    activation = None
    if entry["activation"] is not None:
        table_q = stored(arrays, f"layer{number}.table_q", "<i2")
        activation = Activation(table_q=table_q, **entry["activation"])
    layer = Layer(
        Axis(entry["axis"]),
        stored(arrays, f"layer{number}.weights_q", "<i2"),
        stored(arrays, f"layer{number}.bias_q", "<i4"),
        entry["weights_width"],
        entry["weights_step"],
        activation,
        entry.get("add"),
    )
    if (entry["fan_in"], entry["fan_out"]) != (layer.fan_in, layer.fan_out):
        raise NetworkError(
            f"layer{number}.weights_q must have shape ({entry['fan_out']}, {entry['fan_in']}) "
            f"as the header says, not {layer.weights_q.shape}"
        )
    return layer
