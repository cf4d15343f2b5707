"""CIFAR-10, from the user's cache, from LST_DATA_DIR, or by a download that is checked before it is saved.

Wherever the data come from, pixels and labels are checked against one checksum, and a decoded copy is kept in
the user's cache if that can be written.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
from pathlib import Path
from typing import Iterator, Optional, Sequence, Tuple

import numpy as np

from datasets.arrays import DAMAGED, DatasetError, Images, check_part, damaged
from datasets.cache import NotServedError, cache_directory, download, keep

# sha256 of the pixels (N, 32, 32, 3), row-major, followed by the labels, a byte each, in the canonical order.
SHA256 = {
    "train": "f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b",
    "test": "8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa",
}
NAME = "cifar10"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
ARCHIVE = "cifar-10-binary.tar.gz"
_BINARY_DIRECTORY = "cifar-10-batches-bin"  # inside the archive
_NPZ = {"train": tuple(f"train_{number}.npz" for number in range(1, 6)), "test": ("test.npz",)}
_BINARY = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
_SHAPE = (32, 32, 3)
_PIXELS = 32 * 32 * 3


def load_cifar10(part: str, mirrors: Sequence[str] = MIRRORS, cache: Optional[Path] = None) -> Images:
    """Load part 'train' (50,000) or 'test' (10,000): images (N, 32, 32, 3) uint8.

    Raises DatasetError, whose message is one line that says what to do.
    """
    check_part(part)
    cache = Path(cache or cache_directory(NAME))
    images = _read_copy(_copy_of(part, cache), part)
    if images is None:
        source = _find(part, cache)
        images = _read(*source, part) if source else _download(part, mirrors, cache)
        _keep_copy(_copy_of(part, cache), images)
    return images


def cifar10_is_here(cache: Optional[Path] = None) -> bool:
    """True if `load_cifar10` would not need the network."""
    cache = Path(cache or cache_directory(NAME))
    return all(os.path.isfile(_copy_of(part, cache)) or _find(part, cache) is not None for part in SHA256)


def _copy_of(part: str, cache: Path) -> Path:
    return cache / f"{part}.npz"


def _read_copy(path: Path, part: str) -> Optional[Images]:
    """The decoded copy; None if there is none, or none that is good."""
    if not os.path.isfile(path):  # Path.is_file raises where the cache may not be read
        return None
    try:
        return _checked(str(path), part, _read_npz([path]))
    except DatasetError:
        print(f"{path}: damaged, it is made again", file=sys.stderr)
        return None


def _keep_copy(path: Path, images: Images) -> None:
    content = io.BytesIO()
    np.savez(content, images=images.images, labels=images.labels.astype(np.uint8))
    keep(path, content.getvalue())


def _find(part: str, cache: Path) -> Optional[Tuple[Path, str]]:
    """The first place that has the part, as (directory or archive, kind); None if there is none."""
    places = [Path(os.environ["LST_DATA_DIR"])] if os.environ.get("LST_DATA_DIR") else []
    directories = [directory for place in places for directory in (place / "cifar10", place)] + [cache]
    for directory in directories:
        if all(os.path.isfile(directory / name) for name in _NPZ[part]) and directory != cache:
            return directory, "npz"
        for binary in (directory, directory / _BINARY_DIRECTORY):
            if all(os.path.isfile(binary / name) for name in _BINARY[part]):
                return binary, "binary"
        if os.path.isfile(directory / ARCHIVE):
            return directory / ARCHIVE, "archive"
    return None


def _read(path: Path, kind: str, part: str) -> Images:
    try:
        if kind == "npz":
            images = _read_npz([path / name for name in _NPZ[part]])
        elif kind == "binary":
            images = _decoded(_batch(path / name) for name in _BINARY[part])
        else:
            images = _decoded(_members(path.read_bytes(), part))
    except DAMAGED as error:
        raise damaged(path, error) from None
    return _checked(str(path), part, images)


def _batch(path: Path) -> bytes:
    """The content of a binary batch, which must be a whole number of records."""
    content = path.read_bytes()
    if not content or len(content) % (1 + _PIXELS):
        raise damaged(
            path, ValueError(f"{len(content):,} bytes are not a number of records of {1 + _PIXELS:,}")
        )
    return content


def _read_npz(paths: Sequence[Path]) -> Images:
    images, labels = [], []
    for path in paths:
        try:
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                images.append(file["images"])
                labels.append(file["labels"])
        except DAMAGED as error:
            raise damaged(path, error) from None
    return Images(np.concatenate(images), np.concatenate(labels).astype(np.int64))


def _decoded(batches: Iterator[bytes]) -> Images:
    """Decode CIFAR's binary batches. A record is a label, then the red, green and blue planes of an image."""
    records = np.concatenate([np.frombuffer(batch, np.uint8).reshape(-1, 1 + _PIXELS) for batch in batches])
    planes = records[:, 1:].reshape(-1, _SHAPE[2], *_SHAPE[:2])
    return Images(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64))


def _members(archive: bytes, part: str) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for name in _BINARY[part]:
            yield tar.extractfile(f"{_BINARY_DIRECTORY}/{name}").read()


def _download(part: str, mirrors: Sequence[str], cache: Path) -> Images:
    """Fetch the archive from the first mirror that serves good content, and keep it in the cache."""
    try:
        archive, images = download(
            mirrors, lambda url, content: _checked(url, part, _decoded(_members(content, part)))
        )
    except NotServedError as error:
        given = os.environ.get("LST_DATA_DIR", "")
        raise DatasetError(
            f"CIFAR-10 is neither in LST_DATA_DIR ({_lacking(part, Path(given)) if given else 'not set'}) "
            f"nor in {cache}, "
            f"and no mirror served it; put {ARCHIVE} into $LST_DATA_DIR/cifar10 or {cache}. "
            f"Tried: {error}"
        ) from None
    keep(cache / ARCHIVE, archive)
    return images


def _lacking(part: str, given: Path) -> str:
    """The reason why a directory has no data set: the files it lacks, or its path if it has none of them."""
    if not given.is_dir():
        return f"{given}, which is no directory"
    for directory in (
        given / "cifar10",
        given,
        given / "cifar10" / _BINARY_DIRECTORY,
        given / _BINARY_DIRECTORY,
    ):
        for names in (_NPZ[part], _BINARY[part]):
            missing = [name for name in names if not (directory / name).is_file()]
            if len(missing) < len(names):
                return f"{directory} lacks {', '.join(missing)}"
    return str(given)


def _checked(where: str, part: str, images: Images) -> Images:
    digest = hashlib.sha256(
        np.ascontiguousarray(images.images).tobytes() + images.labels.astype(np.uint8).tobytes()
    ).hexdigest()
    if digest != SHA256[part]:
        raise DatasetError(
            f"{where}: damaged or not CIFAR-10's {part} part, "
            f"sha256 of pixels and labels is {digest[:16]}..., not {SHA256[part][:16]}...; "
            "delete it or put a good copy there"
        )
    return images
