"""Recipes of the convolutional teacher of the ResMLPs."""

from __future__ import annotations

from typing import Literal, Optional

import torch
from torch import nn

from model.networks.vgg import VGG
from model.training.picture_augment import PictureAugmentation
from model.training.recipe.base import Augmenter, Recipe, family

DECORRELATED_IMAGES = 5000  # that many choose the first convolution


@family
class VGGRecipe(Recipe):
    """A convolutional network for CIFAR-10, for its logits alone."""

    network: Literal["vgg"] = "vgg"
    dataset: Literal["cifar10"] = "cifar10"
    picture_augmentation: Optional[PictureAugmentation] = None

    image_shape = VGG.image_shape

    def new_network(self) -> nn.Module:
        return VGG()

    def begin(self, network: nn.Module, images: torch.Tensor) -> None:
        network.begin(images[:DECORRELATED_IMAGES])

    @property
    def augmenter(self) -> Optional[Augmenter]:
        return self.picture_augmentation
