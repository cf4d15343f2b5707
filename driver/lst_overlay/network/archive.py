"""The network file: one .npz with a JSON header, no pickle, no timestamp; the same network gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np

from .lst.layers import Activation, Axis, Layer, Network, NetworkError

FORMAT = "lst-overlay-network"
VERSION = 2  # 2 added tables per channel and sums; what needs neither is written as version 1, for boards not yet updated
INT8_VERSION = 3  # INT8 networks, which lst_overlay.network.resmlp reads and writes


class NetworkFileError(NetworkError):
    """The file is not a network file that this version reads: truncated, altered, foreign or newer."""


def save_network(network: Network, path) -> str:
    """Write the file, whole or not at all. Returns the content hash (sha256, hexadecimal)."""
    return write_archive(path, *_encode(network))


def load_network(path) -> Network:
    """Read a network file. Raises FileNotFoundError, or NetworkFileError with one line that says what is wrong."""
    header, arrays = read_archive(path)
    if header["version"] == INT8_VERSION:
        raise NetworkFileError(
            f"{path}: an INT8 network ({header.get('kind')}), where one of the LST family is wanted; "
            "lst_overlay.network.resmlp.load_network reads it, `python -m model evaluate` runs it"
        )
    return decoded(path, _decode, header, arrays)


def write_archive(path, header: Dict, arrays: Dict[str, np.ndarray]) -> str:
    """Header and arrays into a network file, whole or not at all. Returns their hash."""
    digest = hash_of(header, arrays)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, header=np.frombuffer(_json({**header, "content_sha256": digest}), dtype=np.uint8), **arrays
    )
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)
    return digest


def read_archive(path) -> Tuple[Dict, Dict[str, np.ndarray]]:
    """Header, without the hash, and arrays of a network file of any version that this program knows, checked against its hash."""
    path = Path(path)
    data = path.read_bytes()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except ValueError:  # np.load takes what is no archive for a pickle
        raise NetworkFileError(f"{path}: not a network file (no .npz archive), or damaged") from None
    except (
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        KeyError,
    ) as error:
        raise NetworkFileError(f"{path}: not a network file, or truncated or damaged ({error})") from None
    except Exception as error:  # zlib.error has no public base class
        raise NetworkFileError(f"{path}: damaged ({error})") from None
    try:
        header = json.loads(arrays.pop("header").tobytes().decode("utf-8"))
        if header["format"] != FORMAT:
            raise KeyError("format")
    except (AttributeError, KeyError, ValueError, TypeError, RecursionError):
        raise NetworkFileError(f"{path}: an .npz file, but not a network file (no {FORMAT} header)") from None
    version = header.get("version")
    if not isinstance(version, int) or not 1 <= version <= INT8_VERSION:
        raise NetworkFileError(
            f"{path}: format version {version}; this lst_overlay reads 1..{INT8_VERSION}: update it"
        )
    expected = header.pop("content_sha256", None)
    try:
        found = hash_of(header, arrays)
    except ValueError as error:
        raise NetworkFileError(f"{path}: the header is damaged ({error})") from None
    if expected != found:
        raise NetworkFileError(
            f"{path}: content hash is {found[:16]}..., the header says {str(expected)[:16]}...: the file was altered"
        )
    return header, arrays


def decoded(path, decode: Callable, header: Dict, arrays: Dict[str, np.ndarray]) -> Any:
    """decode(header, arrays), its complaints with the file's name."""
    try:
        return decode(header, arrays)
    except NetworkError as error:
        raise NetworkFileError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkFileError(f"{path}: header lacks or misstates {error}") from None


def content_hash(network: Network) -> str:
    """sha256 over header and arrays, hexadecimal: the network's identity."""
    return hash_of(*_encode(network))


def _encode(network: Network) -> tuple:
    arrays: Dict[str, np.ndarray] = {}
    layers = []
    for number, layer in enumerate(network.layers):
        arrays[f"layer{number}.weights_q"] = layer.weights_q.astype("<i2")
        arrays[f"layer{number}.bias_q"] = layer.bias_q.astype("<i4")
        entry = {
            "axis": layer.axis.value,
            "fan_in": layer.fan_in,
            "fan_out": layer.fan_out,
            "weights_width": layer.weights_width,
            "weights_step": layer.weights_step,
            "activation": None,
        }
        if layer.activation is not None:
            a = layer.activation
            arrays[f"layer{number}.table_q"] = a.table_q.astype("<i2")
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
        layers.append(entry)
    version = (
        2
        if any(
            layer.add is not None or layer.activation is not None and layer.activation.per_channel
            for layer in network.layers
        )
        else 1
    )
    header = {
        "format": FORMAT,
        "version": version,
        "name": network.name,
        "kind": network.kind,
        "pixel_bits": network.pixel_bits,
        "image_shape": list(network.image_shape),
        "layers": layers,
        "provenance": network.provenance,
    }
    return header, arrays


def _decode(header: Dict, arrays: Dict[str, np.ndarray]) -> Network:
    layers = []
    for number, entry in enumerate(header["layers"]):
        activation = None
        if entry["activation"] is not None:
            activation = Activation(
                table_q=stored(arrays, f"layer{number}.table_q", "<i2"), **entry["activation"]
            )
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
                f"layer{number}.weights_q must have shape ({entry['fan_out']}, {entry['fan_in']}) as the header says, "
                f"not {layer.weights_q.shape}"
            )
        layers.append(layer)
    return Network(
        header["name"],
        header["kind"],
        header["pixel_bits"],
        tuple(header["image_shape"]),
        tuple(layers),
        header["provenance"],
    )


def stored(arrays: Dict[str, np.ndarray], name: str, dtype: str, wanted: type = np.int64) -> np.ndarray:
    """An array of the file, converted; the file must hold it as dtype."""
    if arrays[name].dtype != np.dtype(dtype):
        raise NetworkError(f"{name} must be stored as {dtype}, not {arrays[name].dtype.str}")
    return arrays[name].astype(wanted)


def _json(header: Dict) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("utf-8")


def hash_of(header: Dict, arrays: Dict[str, np.ndarray]) -> str:
    """sha256 over both; the header without the hash."""
    digest = hashlib.sha256(_json(header))
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
