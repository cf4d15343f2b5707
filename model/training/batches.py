"""The batches of an epoch: augmented training images, their labels, and the teacher's logits."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional

import torch
from torch import nn

from model.training.copies import augmented_copies, teacher_logits
from model.training.data import Part
from model.training.recipe import Recipe
from model.training.recipe.base import Augmenter


class Batch(NamedTuple):
    """images: uint8; labels: int64; soft: the teacher's logits for these images, None without a teacher."""

    images: torch.Tensor
    labels: torch.Tensor
    soft: Optional[torch.Tensor]


class AugmentedImages(NamedTuple):
    """The training images under one augmentation.

    copies: (copies, N, ...), if they are made once for all epochs. soft: the teacher's logits for them,
    (copies, N, classes).
    """

    augmenter: Optional[Augmenter]
    copies: Optional[torch.Tensor]
    soft: Optional[torch.Tensor]


class TrainingImages:
    """The training images of a run, batch by batch.

    Copies of the images, and the teacher's logits for them, are made when the run starts.
    """

    def __init__(self, recipe: Recipe, part: Part, teacher: Optional[nn.Module], device: str):
        self.recipe, self.teacher, self.device = recipe, teacher, device
        self.part = Part(part.images.to(device), part.labels.to(device))  # a GPU holds all of it
        self.strong = self._augmented(recipe.augmenter)
        self.calm = self._augmented(recipe.calm_augmenter) if recipe.calm_epochs else self.strong

    def _augmented(self, augmenter: Optional[Augmenter]) -> AugmentedImages:
        if augmenter is None or not augmenter.copies:
            return AugmentedImages(augmenter, None, None)
        copies, soft = augmented_copies(self.part, augmenter), None
        if self.teacher is not None:
            logits = teacher_logits(copies, self.part, augmenter, self.teacher, self.device)
            soft = torch.from_numpy(logits).to(self.device)
        return AugmentedImages(augmenter, torch.from_numpy(copies).to(self.device), soft)

    @property
    def batches_per_epoch(self) -> int:
        """How many batches an epoch has. The last one may be smaller."""
        return -(-len(self.part.labels) // self.recipe.batch)

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        """The batches in the order that the generator draws. epoch: counted from 0."""
        is_calm = epoch >= self.recipe.epochs - self.recipe.calm_epochs
        augmenter, copies, soft = self.calm if is_calm else self.strong
        images = self.part.images if copies is None else copies[epoch % len(copies)]
        soft = None if soft is None else soft[epoch % len(soft)]
        order = torch.randperm(len(self.part.labels), generator=generator).to(self.device)
        for chosen in order.split(self.recipe.batch):
            batch = images[chosen]
            if augmenter is not None:
                batch = (augmenter if copies is None else augmenter.of_copy)(batch, generator)
            labels = self.part.labels[chosen]
            if soft is not None:
                yield Batch(batch, labels, soft[chosen])
            else:
                yield Batch(batch, labels, self._logits(batch))

    @torch.no_grad()
    def _logits(self, images: torch.Tensor) -> Optional[torch.Tensor]:
        return None if self.teacher is None else self.teacher(images)
