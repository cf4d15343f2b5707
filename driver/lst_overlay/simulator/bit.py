"""The .bit of a simulated build: a small header that names the library which simulates the design."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple, Union

from ..errors import BitstreamError

BIT_MAGIC = b"LSTSIM1\n"
_XILINX_BIT = b"\x00\x09\x0f\xf0"


class SimulatedBit(NamedTuple):
    """The content of a simulated .bit: the value of BUILD_HASH, and the library that simulates the design."""

    build_hash: int
    library: Path


def write_bit(path: Union[str, os.PathLike], library: Union[str, os.PathLike], build_hash: int) -> None:
    """Write the .bit of a simulated build. ``library`` must be in the same directory: both move together."""
    path, library = Path(path), Path(library)
    if path.resolve().parent != library.resolve().parent:
        raise ValueError(f"the library must lie beside {path}, not in {library.parent}")
    header = {"build_hash": build_hash, "library": library.name, "library_sha256": _sha256(library)}
    path.write_bytes(BIT_MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n")


def read_bit(path: Union[str, os.PathLike]) -> SimulatedBit:
    """Read the .bit of a simulated build and check its library. BitstreamError says what is wrong."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BitstreamError(f"{path}: cannot be read ({error.strerror})") from None
    if data.startswith(_XILINX_BIT):
        raise BitstreamError(
            f"{path}: a bitstream for a real FPGA; the simulated board takes those of `make simulator`"
        )
    if not data.startswith(BIT_MAGIC):
        raise BitstreamError(
            f"{path}: not the bitstream of a simulated board (it must begin with {BIT_MAGIC!r})"
        )
    try:
        header = json.loads(data[len(BIT_MAGIC) :].decode())
        build_hash, name, sha256 = header["build_hash"], header["library"], header["library_sha256"]
        if not isinstance(build_hash, int) or not isinstance(name, str) or Path(name).name != name:
            raise ValueError("build_hash must be a number and library a file name")
    except (ValueError, KeyError, TypeError) as error:
        raise BitstreamError(f"{path}: damaged header ({type(error).__name__}: {error})") from None
    library = path.resolve().parent / name
    if not library.is_file():
        raise BitstreamError(f"{path}: its library {name} does not lie beside it")
    if _sha256(library) != sha256:
        raise BitstreamError(f"{path}: {name} beside it is damaged or of another build (its SHA-256 differs)")
    return SimulatedBit(build_hash, library)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
