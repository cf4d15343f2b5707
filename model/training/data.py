"""The images of training, validation and test, as tensors. Validation is a part of the training images."""

from __future__ import annotations

from typing import NamedTuple

import torch

import datasets
from datasets.own import TRAIN, VALIDATION

VALIDATION_IMAGES = {"mnist": 5000, "digits": 237, "cifar10": 5000}
SPLIT_SEED = (
    1  # one split for all runs, so that no teacher is trained on the validation images of its students
)


class Part(NamedTuple):
    """images: (N, rows, columns) or, of CIFAR-10, (N, 32, 32, 3) uint8; labels: (N,) int64."""

    images: torch.Tensor
    labels: torch.Tensor


class Split(NamedTuple):
    train: Part
    validation: Part


def load_split(dataset: str) -> Split:
    """The images of training and validation, the same ones always.

    They are 55,000 and 5,000 of MNIST, 1,200 and 237 of the digits, 45,000 and 5,000 of CIFAR-10. A file of
    the user's own has its own split.
    """
    if datasets.is_own(dataset):
        data = datasets.load_own(dataset)
        return Split(_tensors(data.part(TRAIN)), _tensors(data.part(VALIDATION)))
    part = _part(dataset, "train")
    order = torch.randperm(len(part.labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    held_out, kept = order[: VALIDATION_IMAGES[dataset]], order[VALIDATION_IMAGES[dataset] :]
    return Split(
        Part(part.images[kept], part.labels[kept]), Part(part.images[held_out], part.labels[held_out])
    )


def load_test(dataset: str) -> Part:
    """The test set: read once, when training is over."""
    return _part(dataset, "test")


def _part(dataset: str, part: str) -> Part:
    return _tensors(datasets.load(dataset, part))


def _tensors(loaded: datasets.Images) -> Part:
    return Part(torch.from_numpy(loaded.images), torch.from_numpy(loaded.labels))
