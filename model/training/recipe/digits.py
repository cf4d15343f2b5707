"""Recipes of the networks for digits: the LST family, the fully connected baselines, and their teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Dict, Literal, Optional, Tuple

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictStr, model_validator
from pydantic.dataclasses import dataclass
from torch import nn

import datasets
from datasets.own import DEFAULT_SIDE
from lst_overlay.network.lst.layers import vectors_shape
from lst_overlay.network.lst.serial_format import FEATURES
from model.networks.lst import NETWORKS
from model.networks.teacher import Teacher
from model.quantized.lst import QuantizedLST
from model.training.augment import Augmentation
from model.training.checked import CHECKED, Count, PositiveCount
from model.training.recipe.activation import ActivatedRecipe
from model.training.recipe.base import Augmenter, Recipe, family
from model.training.recipe.tables import Features, OwnData, Widths

DATASETS = ("mnist", "digits")  # besides the user's own


def _dataset_name(name: str) -> str:
    if not datasets.is_own(name):
        if name not in DATASETS:
            raise ValueError(f"dataset must be one of {', '.join(DATASETS)} or a file .npz, not {name!r}")
    elif Path(name).is_absolute():
        raise ValueError(
            f"dataset must be relative to where the command runs, not {name}: the network file will quote it"
        )
    return name


@dataclass(frozen=True, config=CHECKED)
class DigitsRecipe(Recipe):
    """A recipe for MNIST, for the digits inside scikit-learn, or for a file of the user's own.

    own_data: what the file holds; training writes it, and refuses to go on with another content.
    calm_epochs: how many epochs at the end see half the augmentation, so that a small network adapts to
    images as they are.
    """

    dataset: Annotated[StrictStr, AfterValidator(_dataset_name)] = "mnist"
    own_data: Optional[OwnData] = None
    augmentation: Optional[Augmentation] = None
    calm_epochs: Count = 0

    @property
    def image_shape(self) -> Tuple[int, int]:
        side = self.own_data.side if self.own_data else DEFAULT_SIDE
        return (side, side)

    @property
    def classes(self) -> int:
        return len(self.own_data.names) if self.own_data else super().classes

    def completed(self) -> Recipe:
        if not datasets.is_own(self.dataset):
            return self
        data = datasets.load_own(self.dataset)
        own_data = {"names": list(data.names), "sha256": data.sha256, "side": data.side}
        return self.changed(own_data=own_data)

    @property
    def augmenter(self) -> Optional[Augmenter]:
        return self.augmentation

    @property
    def calm_augmenter(self) -> Optional[Augmenter]:
        return self.augmentation.halved()

    @model_validator(mode="after")
    def _check_own_data(self) -> Recipe:
        if self.own_data is not None and not datasets.is_own(self.dataset):
            raise ValueError(f"own_data belongs to a dataset that is a file .npz, not to {self.dataset!r}")
        return self

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
        return Teacher(classes=self.classes)


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

    @property
    def sizes(self) -> Dict[str, Any]:
        """The sizes of the network besides its classes; none where they are always the same."""
        return {}

    def new_network(self) -> nn.Module:
        return NETWORKS[self.network](
            **self.sizes,
            classes=self.classes,
            activation=self.new_activation,
            dropout=self.dropout,
            normalize=self.normalize,
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
    """The learned separable transform, one to three of them.

    rows_per_vector: how many rows of an image, side by side, are one row of what enters the first transform.
    features: the rows and columns of each transform's output, one number if they are equal; None stands for
    those of what enters the first transform.
    """

    network: Literal["lst1", "lst2", "reslst3"] = "lst1"
    rows_per_vector: PositiveCount = 1
    features: Optional[Features] = None

    @property
    def sizes(self) -> Dict[str, Any]:
        return {
            "image_shape": self.image_shape,
            "rows_per_vector": self.rows_per_vector,
            "d_out": self._rows_and_columns or vectors_shape(self.image_shape, self.rows_per_vector),
        }

    @property
    def _rows_and_columns(self) -> Optional[Tuple[int, ...]]:
        """The rows and columns that `features` states."""
        if self.features is None:
            return None
        return (self.features,) * 2 if isinstance(self.features, int) else tuple(self.features)

    @model_validator(mode="after")
    def _check_features(self) -> Recipe:
        if not datasets.is_own(self.dataset) or self.own_data:
            vectors_shape(self.image_shape, self.rows_per_vector)
        features = self._rows_and_columns
        if features and len(features) != 2:
            raise ValueError(f"features must be one number or two, rows and columns, not {len(features)}")
        limits = (FEATURES, FEATURES * self.rows_per_vector)
        if features and any(count > limit for count, limit in zip(features, limits)):
            raise ValueError(
                f"features must be at most {limits[0]} rows and {limits[1]} columns, "
                f"not {features[0]} and {features[1]}"
            )
        return self


@family
class MLPRecipe(StagedRecipe):
    """The papers' baselines: fully connected layers on all pixels."""

    network: Literal["784-10", "784-40-10"] = "784-10"

    @model_validator(mode="after")
    def _check_side(self) -> Recipe:
        side = self.image_shape[0]
        if side != DEFAULT_SIDE:
            raise ValueError(
                f"network {self.network} takes images of {DEFAULT_SIDE} x {DEFAULT_SIDE} pixels, "
                f"{self.dataset} has {side} x {side}"
            )
        return self
