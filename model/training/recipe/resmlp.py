"""Recipes of ResMLP for CIFAR-10, which is trained for a grid of activation functions and hidden widths."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, Optional, Tuple

from pydantic import AfterValidator, Field, StrictFloat, model_validator
from torch import nn

from lst_overlay.network.resmlp.layers import MAX_FAN_IN
from model.networks.activations import ACTIVATIONS
from model.networks.resmlp import ResMLP, hidden_width
from model.quantized.resmlp import QuantizedResMLP
from model.training.picture_augment import PictureAugmentation
from model.training.recipe.activation import ActivatedRecipe
from model.training.recipe.base import Augmenter, Recipe, family
from model.training.recipe.errors import RecipeError
from model.training.recipe.tables import ResMLPWidths


def _leaves_a_channel(expansion: float) -> float:
    hidden_width(expansion)
    return expansion


@family
class ResMLPRecipe(ActivatedRecipe):
    """ResMLP.

    expansion: the hidden width over the 96 channels.
    widths: train the integers of its accelerators in these widths. Without them, real numbers are trained.
    """

    network: Literal["resmlp"] = "resmlp"
    expansion: Annotated[StrictFloat, AfterValidator(_leaves_a_channel)] = Field(kw_only=True)
    dataset: Literal["cifar10"] = "cifar10"
    activation: Literal["relu", "psa", "lerp_psa", "b_spline"] = "relu"
    picture_augmentation: Optional[PictureAugmentation] = None
    widths: Optional[ResMLPWidths] = None

    image_shape = ResMLP.image_shape
    has_variants = True
    placeholders = (*ActivatedRecipe.placeholders, "expansion")

    def new_network(self) -> nn.Module:
        return ResMLP(self.expansion, self.new_activation)

    @property
    def is_quantized(self) -> bool:
        return self.widths is not None

    def quantized(self, network: nn.Module) -> nn.Module:
        return QuantizedResMLP(network, **dataclasses.asdict(self.widths))

    @property
    def augmenter(self) -> Optional[Augmenter]:
        return self.picture_augmentation

    def variant(self, activation: Optional[str] = None, expansion: Optional[float] = None) -> Recipe:
        """The recipe with this function and hidden width, named after both: resmlp-lerp_psa-0.5."""
        changes = {} if expansion is None else {"expansion": expansion}
        if activation is not None:
            kind = ACTIVATIONS.get(activation)
            changes.update(activation=activation, per_channel=kind is not None and kind.is_learned)
        try:
            changed = self.changed(**changes)
        except RecipeError as error:
            raise RecipeError(f"recipe {self.name}: {error}") from None
        return changed.changed(name=f"{self.name}{changed._suffix}")

    @property
    def file_and_options(self) -> Tuple[str, str]:
        if not self.name.endswith(self._suffix):
            return self.name, ""
        options = f" --activation {self.activation} --expansion {self.expansion:g}"
        return self.name[: -len(self._suffix)], options

    @property
    def _suffix(self) -> str:
        return f"-{self.activation}-{self.expansion:g}"

    @model_validator(mode="after")
    def _check_functions(self) -> Recipe:
        if ACTIVATIONS[self.activation].is_learned and not self.per_channel:
            raise ValueError(f"network resmlp with activation {self.activation} needs per_channel = true")
        return self

    @model_validator(mode="after")
    def _check_widths(self) -> Recipe:
        if self.widths is None:
            return self
        if self.init_from is None:
            raise ValueError("widths need init_from, the float network to start from")
        hidden = hidden_width(self.expansion)
        if hidden > MAX_FAN_IN:
            raise ValueError(f"widths take at most {MAX_FAN_IN} hidden channels, not {hidden}")
        return self
