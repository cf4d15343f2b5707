"""The network file: an .npz with a JSON header. The same network always gives the same bytes.

There is no pickle and no timestamp in it. This module knows the container, the hash and the version number,
and no family: what header and arrays mean is for `lst.encoding` and `resmlp.encoding` to say.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np

FORMAT = "lst-overlay-network"
Arrays = Dict[str, np.ndarray]


class NetworkError(ValueError):
    """A network breaks a rule of the number contract, or does not fit the engine it is meant for."""


class NetworkFileError(NetworkError):
    """The file is not a network file that this version reads: truncated, altered, foreign or newer."""


def write_archive(path, header: Dict, arrays: Arrays) -> str:
    """Write header and arrays as a network file, whole or not at all. Returns their hash."""
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


def read_archive(path, newest: int) -> Tuple[Dict, Arrays, str]:
    """The header without its hash, the arrays, and the hash, which is checked.

    newest: versions 1 to that are read.
    """
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
    if any(name.endswith("/data.pkl") for name in arrays):
        raise NetworkFileError(
            f"{path}: a file of torch, not a network file: `python -m model quantize` makes one of it"
        )
    try:
        header = json.loads(arrays.pop("header").tobytes().decode("utf-8"))
        if header["format"] != FORMAT:
            raise KeyError("format")
    except (AttributeError, KeyError, ValueError, TypeError, RecursionError):
        raise NetworkFileError(f"{path}: an .npz file, but not a network file (no {FORMAT} header)") from None
    version = header.get("version")
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise NetworkFileError(
            f"{path}: format version {version}; this lst_overlay reads 1..{newest}: update it"
        )
    expected = header.pop("content_sha256", None)
    try:
        found = hash_of(header, arrays)
    except ValueError as error:
        raise NetworkFileError(f"{path}: the header is damaged ({error})") from None
    if expected != found:
        raise NetworkFileError(
            f"{path}: content hash is {found[:16]}..., the header says {str(expected)[:16]}...: "
            "the file was altered"
        )
    return header, arrays, found


def decoded(path, decode: Callable[[Dict, Arrays], Any], header: Dict, arrays: Arrays) -> Any:
    """The result of decode(header, arrays); its errors become NetworkFileError and name the file."""
    try:
        return decode(header, arrays)
    except NetworkError as error:
        raise NetworkFileError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkFileError(f"{path}: header lacks or misstates {error}") from None


def stored(arrays: Arrays, name: str, dtype: str, wanted: type = np.int64) -> np.ndarray:
    """The array of that name as ``wanted``. The file must hold it as ``dtype``."""
    if arrays[name].dtype != np.dtype(dtype):
        raise NetworkError(f"{name} must be stored as {dtype}, not {arrays[name].dtype.str}")
    return arrays[name].astype(wanted)


def hash_of(header: Dict, arrays: Arrays) -> str:
    """sha256 over the header, which must not hold the hash, and the arrays, in hexadecimal."""
    digest = hashlib.sha256(_json(header))
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _json(header: Dict) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("utf-8")
