"""Makes own data from a folder: pictures in a folder for each class, or the four IDX files of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np
from tqdm import tqdm

from datasets import idx
from datasets.arrays import DAMAGED, DatasetError, damaged
from datasets.own import CLASSES, DEFAULT_SIDE, SPLIT, TEST, TRAIN, OwnData, checked
from lst_overlay.samples.thing import image_of


def pack(
    folder,
    leave_out: Callable[[str], None],
    names: Optional[Sequence[str]] = None,
    side: Optional[int] = None,
) -> OwnData:
    """The data in a folder. DatasetError if it holds none, or breaks a rule of own data.

    leave_out: called for each picture that is not in the data, with a line that names it and the reason.
    names: of the classes of IDX files, which hold none. Those of pictures are the names of their folders.
    side: the rows and columns of the images that pictures become. None is DEFAULT_SIDE; IDX files have their
        own.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no folder")
    arrays = _idx_files(folder)
    if arrays is None:
        arrays = _pictures(folder, leave_out, side or DEFAULT_SIDE)
        if names is not None:
            raise DatasetError(f"{folder}: its folders name the classes; leave out --names")
    else:
        if side is not None:
            raise DatasetError(f"{folder}: images in IDX files keep their size; leave out --side")
        if names is not None:
            arrays["names"] = np.array(names)
    try:
        return checked(**arrays)
    except DatasetError as error:
        raise DatasetError(f"{folder}: {error}") from None


def _idx_files(folder: Path) -> Optional[Dict[str, np.ndarray]]:
    """The arrays of the four files, split as they are; None if the folder has none of them."""
    paths = {name: idx.find(folder, name) for names in idx.FILES.values() for name in names}
    missing = [name for name, path in paths.items() if path is None]
    if len(missing) == len(paths):
        return None
    if missing:
        raise DatasetError(f"{folder}: lacks {', '.join(missing)} of the four IDX files of a data set")
    images, labels = ([_array(paths[names[kind]]) for names in idx.FILES.values()] for kind in (0, 1))
    if images[0].shape[1:] != images[1].shape[1:]:
        raise DatasetError(
            f"{folder}: images of {' and '.join(idx.FILES)} must have one shape, "
            f"not {images[0].shape[1:]} and {images[1].shape[1:]}"
        )
    return {
        "images": np.concatenate(images),
        "labels": np.concatenate([array.ravel() for array in labels]),
        "split": np.repeat(list(idx.FILES), [len(array) for array in images]),
    }


def _array(path: Path) -> np.ndarray:
    try:
        return idx.decode(idx.decompressed(path))
    except DAMAGED as error:
        raise damaged(path, error) from None


def _pictures(folder: Path, leave_out: Callable[[str], None], side: int) -> Dict[str, np.ndarray]:
    """The arrays of a class for each folder inside, named after it, in the order of their names.

    If the folders inside are train, test and perhaps validation, these are the split and hold the classes.
    """
    inside = {path.name for path in _folders(folder)}
    is_split = {TRAIN, TEST} <= inside <= set(SPLIT)
    parts = {part: folder / part for part in SPLIT if part in inside} if is_split else {TRAIN: folder}
    names = sorted({path.name for part in parts.values() for path in _folders(part)})
    low, high = CLASSES
    if not low <= len(names) <= high:
        raise DatasetError(
            f"{folder}: must hold {low} to {high} folders of pictures, one for each class, or the four IDX "
            f"files of a data set, and holds {len(names)} folders"
        )
    pictures = [
        (part, names.index(directory.name), path)
        for part, place in parts.items()
        for directory in _folders(place)
        for path in sorted(directory.iterdir())
        if not _is_hidden(path)
    ]
    images, labels, split = [], [], []
    for part, label, path in tqdm(pictures, unit="picture", leave=False, disable=None):
        try:
            images.append(image_of(path, (side, side)))
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())
            leave_out(reason if str(path) in reason else f"{path}: {reason}")
            continue
        labels.append(label)
        split.append(part)
    return {
        "images": np.array(images, dtype=np.uint8).reshape(-1, side, side),
        "labels": np.array(labels, dtype=np.int64),
        "names": np.array(names),
        "split": np.array(split) if is_split else None,
    }


def _folders(place: Path) -> List[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and not _is_hidden(path))


def _is_hidden(path: Path) -> bool:
    """True for what programs leave in folders, such as .DS_Store and __MACOSX."""
    return path.name.startswith((".", "__"))
