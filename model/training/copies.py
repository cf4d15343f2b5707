"""Augmented copies of the training images, made once, and a teacher's logits for them, computed once.

Augmenting an image costs as much as training on it when the network is this small, and asking a teacher costs
far more. Both are therefore kept in files under build/, which every run with the same settings maps.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from model.training.augment import Augmentation
from model.training.data import Part

DIRECTORY = Path("build/copies")
_SEED = 1  # of the copies: every run sees the same ones
_BATCH = 1000


def augmented_copies(part: Part, augmentation: Augmentation, directory: Path = DIRECTORY) -> np.ndarray:
    """(copies, N, rows, columns, ...) uint8 of N images, mapped from a file that is written if it is missing.

    They are computed where the images are.
    """
    key = _key(part, augmentation)

    def fill(copies: np.ndarray, progress) -> None:
        generator = torch.Generator().manual_seed(_SEED)
        for copy in copies:
            for start in range(0, len(copy), _BATCH):
                augmented = augmentation(part.images[start : start + _BATCH], generator)
                copy[start : start + _BATCH] = augmented.cpu().numpy()
            progress.update()

    shape = (augmentation.copies, *part.images.shape)
    return _mapped(Path(directory) / f"{key}.npy", shape, np.uint8, "augmented copies", fill)


def teacher_logits(
    copies: np.ndarray,
    part: Part,
    augmentation: Augmentation,
    teacher: nn.Module,
    device: str = "cpu",
    directory: Path = DIRECTORY,
) -> np.ndarray:
    """The teacher's logits for all copies: (copies, N, classes) float32, mapped from a file."""
    teacher.eval()
    digest = hashlib.sha256(_key(part, augmentation).encode())
    for name, tensor in sorted(teacher.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())

    @torch.no_grad()
    def fill(logits: np.ndarray, progress) -> None:
        teacher.to(device)
        for copy, out in zip(copies, logits):
            for start in range(0, len(copy), _BATCH):
                out[start : start + _BATCH] = (
                    teacher(torch.from_numpy(copy[start : start + _BATCH]).to(device)).cpu().numpy()
                )
            progress.update()

    classes = teacher(torch.from_numpy(copies[0, :1].copy()).to(next(teacher.parameters()).device)).shape[1]
    return _mapped(
        Path(directory) / f"{digest.hexdigest()[:16]}.npy",
        (*copies.shape[:2], classes),
        np.float32,
        "teacher's logits",
        fill,
    )


def _key(part: Part, augmentation: Augmentation) -> str:
    settings = json.dumps(dataclasses.asdict(augmentation), sort_keys=True)
    return hashlib.sha256(settings.encode() + part.images.cpu().numpy().tobytes()).hexdigest()[:16]


def _mapped(path: Path, shape, dtype, what: str, fill: Callable) -> np.ndarray:
    """The array in the file, which is written whole or not at all, after saying how large it will be.

    It is mapped copy-on-write: torch takes only writable arrays, and the file must not change. OSError if the
    disk has too little room, or if a file of that name holds another array.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(
            f"{path.name}.partial"
        )  # what a process leaves that was killed is written over
        with open(partial, "ab") as lock:
            fcntl.flock(
                lock, fcntl.LOCK_EX
            )  # of several runs that need the file one makes it, the others wait
            if path.is_file():
                partial.unlink(missing_ok=True)
            else:
                _make(path, partial, shape, dtype, what, fill)
    try:
        array = np.load(path, mmap_mode="c")
    except (ValueError, EOFError):
        raise OSError(f"{path}: damaged; delete it, and it is made anew") from None
    if (array.shape, array.dtype) != (tuple(shape), np.dtype(dtype)):
        raise OSError(
            f"{path}: holds {array.dtype} {array.shape}, not the {what}; delete it, and it is made anew"
        )
    return array


def _make(path: Path, partial: Path, shape, dtype, what: str, fill: Callable) -> None:
    needed, free = math.prod(shape) * np.dtype(dtype).itemsize, shutil.disk_usage(path.parent).free
    try:
        if needed > free:
            raise OSError(
                f"{path}: the {what} take {needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free there; "
                f"make room, delete what is in {path.parent}, or set fewer copies in the recipe"
            )
        print(f"{path}: {what}, {needed / 1e9:.2f} GB", file=sys.stderr)
        with tqdm(total=shape[0], desc=what, unit="copy") as progress:
            array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
            fill(array, progress)
            array.flush()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
