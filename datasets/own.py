"""Data of the user's own: one .npz file with images and labels, and perhaps their names and split.

images: (N, side, side) uint8, bright ink on dark as in MNIST. labels: (N,) integers from 0. names: optional,
one text for each class. split: optional, (N,) texts 'train', 'validation' or 'test'.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Dict, NamedTuple, Tuple

import numpy as np

from datasets.arrays import DAMAGED, DatasetError, Images, check_part, write_whole
from lst_overlay.network.lst import serial_format

SUFFIX = ".npz"
DEFAULT_SIDE = 28  # pixels, as MNIST's
# What the loadable engine takes: the least and the most.
SIDES, CLASSES = serial_format.SIDES, (2, serial_format.CLASSES)
TRAIN, VALIDATION, TEST = SPLIT = ("train", "validation", "test")
# One image in so many of each class is split off, but at least one.
_TEST_SHARE, _VALIDATION_SHARE = 5, 10
_ARRAYS = ("images", "labels", "names", "split")


class OwnData(NamedTuple):
    """images: (N, side, side) uint8. labels: (N,) int64. names: of classes. split: (N,) texts of SPLIT."""

    images: np.ndarray
    labels: np.ndarray
    names: Tuple[str, ...]
    split: np.ndarray

    def part(self, *names: str) -> Images:
        """The images of one part or of several."""
        chosen = np.isin(self.split, names)
        return Images(self.images[chosen], self.labels[chosen])

    @property
    def side(self) -> int:
        """The number of rows and of columns of an image."""
        return self.images.shape[1]

    @property
    def sha256(self) -> str:
        """Of everything that training and evaluation see, in hexadecimal."""
        digest = hashlib.sha256(repr(self.names).encode())
        for array in (self.images, self.labels, self.split == TEST, self.split == VALIDATION):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def is_own(dataset: str) -> bool:
    """True for the path of a file, where other data sets have a name."""
    return dataset.endswith(SUFFIX)


def load_own(path) -> OwnData:
    """Read and check a file. DatasetError says in one line what is wrong with it."""
    path = Path(path)
    arrays = _read(path)
    try:
        return checked(**arrays)
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def load_own_part(path, part: str) -> Images:
    """Part 'train', which includes the validation images, or 'test'."""
    check_part(part)
    return load_own(path).part(*((TEST,) if part == TEST else (TRAIN, VALIDATION)))


def save_own(path, data: OwnData) -> None:
    """Write the file; `load_own` gives the same data again."""
    content = io.BytesIO()
    np.savez_compressed(
        content, images=data.images, labels=data.labels, names=np.array(data.names), split=data.split
    )
    write_whole(Path(path), content.getvalue())


def checked(images: np.ndarray, labels: np.ndarray, names=None, split=None) -> OwnData:
    """The data of these arrays, split if they are not. DatasetError says what is wrong with them."""
    low, high = SIDES
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise DatasetError(f"images must be (N, side, side) uint8, not {images.shape} {images.dtype}")
    if not low <= images.shape[1] <= high:
        raise DatasetError(f"images must have sides of {low} to {high} pixels, not {images.shape[1]}")
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        raise DatasetError(
            f"labels must be ({len(images)},) integers, one for each image, not {labels.shape} {labels.dtype}"
        )
    labels = labels.astype(np.int64)
    names = _names(labels, names)
    if split is None:
        split = _split(images, labels, np.full(len(labels), TRAIN, dtype="<U10"), TEST, _TEST_SHARE)
    elif split.shape != labels.shape or set(split.tolist()) - set(SPLIT):
        raise DatasetError(
            f"split must be ({len(images)},) texts of {', '.join(SPLIT)}, "
            f"not {split.shape} of {', '.join(map(str, sorted(set(split.ravel().tolist()))[:5]))}"
        )
    if VALIDATION not in split:
        split = _split(images, labels, split.astype("<U10"), VALIDATION, _VALIDATION_SHARE)
    data = OwnData(images, labels, names, split.astype("<U10"))
    _check_parts(data)
    return data


def _read(path: Path) -> Dict[str, np.ndarray]:
    try:
        with open(path, "rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise ValueError("a single array")
            there = ", ".join(file.files) or "nothing"
            arrays = {name: file[name] for name in _ARRAYS if name in file.files}
    except FileNotFoundError:
        place = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise DatasetError(f"{path}: no such file{place}; docs/own_data.md says how to make one") from None
    except DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(f"{path}: no .npz file of images and labels, or damaged ({reason})") from None
    missing = [name for name in ("images", "labels") if name not in arrays]
    if missing:
        raise DatasetError(f"{path}: has no array {' and no '.join(missing)}; it holds {there}")
    return arrays


def _names(labels: np.ndarray, names) -> Tuple[str, ...]:
    """The names of the classes: the given ones, or the numbers."""
    least, greatest = (int(labels.min()), int(labels.max())) if len(labels) else (0, -1)
    low, high = CLASSES
    count = greatest + 1 if names is None else len(np.atleast_1d(names))
    if not low <= count <= high:
        raise DatasetError(f"there must be {low} to {high} classes, not {count}")
    if names is None:
        names = np.array([str(number) for number in range(count)])
    if names.shape != (count,) or names.dtype.kind != "U" or len(set(names.tolist())) != count:
        raise DatasetError(f"names must be different texts, one for each class, not {names.tolist()}")
    if least < 0 or greatest >= count:
        raise DatasetError(f"labels must lie in 0..{count - 1}, found {least}..{greatest}")
    return tuple(names.tolist())


def _split(images: np.ndarray, labels: np.ndarray, split: np.ndarray, part: str, share: int) -> np.ndarray:
    """Give a share of the training images of each class to another part.

    Which ones depends on the pixels alone: on no order, no random number and no other image's class.
    """
    order = [hashlib.sha256(image.tobytes()).digest() for image in images]
    split = split.copy()
    for label in np.unique(labels):
        members = sorted(np.flatnonzero((labels == label) & (split == TRAIN)), key=order.__getitem__)
        split[members[: max(1, len(members) // share)]] = part
    return split


def _check_parts(data: OwnData) -> None:
    for label, name in enumerate(data.names):
        for part in SPLIT:
            if not ((data.labels == label) & (data.split == part)).any():
                raise DatasetError(
                    f"class {name!r} has {int((data.labels == label).sum())} images and none of them for "
                    f"{part}; every class needs some for {', '.join(SPLIT)}"
                )
