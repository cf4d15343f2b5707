"""Files in IDX, the format of MNIST, whose names and compression differ from archive to archive."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Optional

import numpy as np

# The four files of a data set, as MNIST's authors name them.
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_BYTES = 8  # the code for unsigned bytes in the third byte of a file


def find(directory: Path, name: str) -> Optional[Path]:
    """The path of a file, which may have a dot in the place of its second hyphen, and be compressed."""
    names = [stem + suffix for stem in (name, name.replace("-idx", ".idx")) for suffix in ("", ".gz")]
    # Path.is_file raises where a directory may not be read.
    return next((directory / spelled for spelled in names if os.path.isfile(directory / spelled)), None)


def decompressed(path: Path) -> bytes:
    """The content of a file, uncompressed if its name ends in .gz. An error of DAMAGED if that fails."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def decode(content: bytes) -> np.ndarray:
    """The array in an uncompressed IDX file of bytes. ValueError says what is wrong with it.

    The file begins with two zeros, the code of its type and the number of dimensions; then each dimension has
    its size in 32 bits.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise ValueError("no IDX file: it does not begin with two zeros")
    kind, dimensions = content[2:4]
    if kind != _BYTES:
        raise ValueError(f"an IDX file must hold unsigned bytes, type 0x{_BYTES:02X}, not 0x{kind:02X}")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError("the IDX file ends within its sizes")
    shape = tuple(np.frombuffer(content, ">u4", dimensions, 4).tolist())
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise ValueError(f"the IDX file must have {expected:,} bytes, not {len(content):,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
