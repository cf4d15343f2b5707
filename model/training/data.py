"""The parts that training sees, as tensors; validation is taken from the training images, never from the test set."""

from __future__ import annotations

from typing import NamedTuple

import torch

import datasets

VALIDATION_IMAGES = {"mnist": 5000, "digits": 237, "cifar10": 5000}
SPLIT_SEED = 1  # one split for every run: a teacher never saw what its students are judged by


class Part(NamedTuple):
    """images: (N, 28, 28) or, of CIFAR-10, (N, 32, 32, 3) uint8; labels: (N,) int64."""

    images: torch.Tensor
    labels: torch.Tensor


class Split(NamedTuple):
    train: Part
    validation: Part


def load_split(dataset: str) -> Split:
    """MNIST: 55,000 and 5,000 images; digits: 1,200 and 237; CIFAR-10: 45,000 and 5,000; the same ones always."""
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
    loaded = datasets.load(dataset, part)
    return Part(torch.from_numpy(loaded.images), torch.from_numpy(loaded.labels))
