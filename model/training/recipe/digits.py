"""Recipes of the networks for digits: the LST family, the fully connected baselines, and their teacher."""

from __future__ import annotations

from typing import Annotated, Literal, Optional

from pydantic import Field, StrictBool, StrictFloat, model_validator
from pydantic.dataclasses import dataclass
from torch import nn

from model.networks.lst import NETWORKS
from model.networks.teacher import Teacher
from model.quantized.lst import QuantizedLST
from model.training.augment import Augmentation
from model.training.checked import CHECKED, Count
from model.training.recipe.activation import ActivatedRecipe
from model.training.recipe.base import Augmenter, Recipe, family
from model.training.recipe.tables import Widths


@dataclass(frozen=True, config=CHECKED)
class DigitsRecipe(Recipe):
    """A recipe for MNIST, or for the digits inside scikit-learn.

    calm_epochs: how many epochs at the end see half the augmentation, so that a small network adapts to
    images as they are.
    """

    dataset: Literal["mnist", "digits"] = "mnist"
    augmentation: Optional[Augmentation] = None
    calm_epochs: Count = 0

    image_shape = (28, 28)

    @property
    def augmenter(self) -> Optional[Augmenter]:
        return self.augmentation

    @property
    def calm_augmenter(self) -> Optional[Augmenter]:
        return self.augmentation.halved()

    @model_validator(mode="after")
    def _check_augmentation(self) -> Recipe:
        if self.calm_epochs > (self.epochs if self.augmentation else 0):
            raise ValueError(
                f"calm_epochs must lie in 0..epochs, and needs augmentation, is {self.calm_epochs}"
            )
        if self.distillation is not None and not (self.augmentation and self.augmentation.copies):
            raise ValueError("distillation needs augmentation with copies, whose logits are computed once")
        return self


@family
class CNNRecipe(DigitsRecipe):
    """The teacher: a convolutional network for its logits alone."""

    network: Literal["cnn"] = "cnn"

    def new_network(self) -> nn.Module:
        return Teacher()


@dataclass(frozen=True, config=CHECKED)
class StagedRecipe(DigitsRecipe, ActivatedRecipe):
    """A recipe of a network that is a sequence of fully connected layers, each with its activation.

    dropout: its probability, before each activation and on the logits.
    normalize: batch normalisation before each activation in training, folded into the weights afterwards.
    widths: train the integers of the hardware in these widths. Without them, real numbers are trained.
    """

    dropout: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.0
    normalize: StrictBool = False
    widths: Optional[Widths] = None

    def new_network(self) -> nn.Module:
        return NETWORKS[self.network](
            activation=self.new_activation, dropout=self.dropout, normalize=self.normalize
        )

    @property
    def is_quantized(self) -> bool:
        return self.widths is not None

    def quantized(self, network: nn.Module) -> nn.Module:
        return QuantizedLST.from_float(network, self.widths)

    @model_validator(mode="after")
    def _check_widths(self) -> Recipe:
        if self.widths is None:
            return self
        if self.init_from is None:
            raise ValueError("widths need init_from, the float network to start from")
        for key in ("dropout", "normalize"):
            if getattr(self, key):
                raise ValueError(f"widths do not go with {key} = {getattr(self, key)}")
        return self


@family
class LSTRecipe(StagedRecipe):
    """The learned separable transform, one to three of them."""

    network: Literal["lst1", "lst2", "reslst3"] = "lst1"


@family
class MLPRecipe(StagedRecipe):
    """The papers' baselines: fully connected layers on all pixels."""

    network: Literal["784-10", "784-40-10"] = "784-10"
