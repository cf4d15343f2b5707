"""What all loaders share: the type that they return, the error that they raise, how a file is written."""

from __future__ import annotations

import lzma
import os
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

PARTS = ("train", "test")
# What reading a damaged file raises: compressed, a NumPy file or an archive.
DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
)


class DatasetError(Exception):
    """A data set is missing or damaged, breaks a rule, or there is none of this name."""


class Images(NamedTuple):
    """Images, (N, rows, columns) or (N, 32, 32, 3) uint8, with their labels, (N,) int64 from 0."""

    images: np.ndarray
    labels: np.ndarray


def check_part(part: str) -> None:
    if part not in PARTS:
        raise DatasetError(f"part must be one of {', '.join(PARTS)}, not {part!r}")


def damaged(path, error: Exception) -> DatasetError:
    """The error for a file that cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DatasetError(f"{path}: damaged ({reason}); delete it or put a good copy there")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all: another one at its place stays if that fails."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        whole = Path(scratch) / path.name
        whole.write_bytes(content)
        os.replace(whole, path)
