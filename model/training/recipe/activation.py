"""The keys of a network whose activation function may be chosen, and may be learned."""

from __future__ import annotations

from typing import Annotated, Any, Dict, Literal, Optional

from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic.dataclasses import dataclass
from torch import nn

from lst_overlay.network.lst.layers import MAX_INDEX_WIDTH
from model.networks.activations import ACTIVATIONS
from model.training.checked import CHECKED
from model.training.recipe.base import Recipe

MAX_KNOTS = 1 << MAX_INDEX_WIDTH  # a table of the hardware distinguishes no more

ActivationName = Literal[tuple(ACTIVATIONS)]


@dataclass(frozen=True, config=CHECKED)
class ActivatedRecipe(Recipe):
    """A recipe with an activation function.

    knots: how many the grid of a learned function has; None stands for the function's own default.
    per_channel: whether each channel has a learned function of its own, instead of one for each layer.
    """

    activation: ActivationName = "tanh"
    knots: Optional[Annotated[StrictInt, Field(ge=2, le=MAX_KNOTS)]] = None
    per_channel: StrictBool = False

    placeholders = (*Recipe.placeholders, "activation")

    def new_activation(self, channels: int) -> nn.Module:
        """The recipe's function for a layer of that many channels."""
        kind = ACTIVATIONS[self.activation]
        options: Dict[str, Any] = {"per_channel": self.per_channel} if kind.is_learned else {}
        if self.knots is not None:
            options["knots"] = self.knots
        return kind(channels, **options)

    @model_validator(mode="after")
    def _check_activation(self) -> Recipe:
        kind = ACTIVATIONS[self.activation]
        if (self.knots is not None or self.per_channel) and not kind.is_learned:
            raise ValueError(
                f"knots and per_channel belong to a learned activation, not to {self.activation}"
            )
        if self.knots is not None and not kind.has_knots:
            raise ValueError(f"{self.activation} has no knots, lerp_psa is the same function on a grid")
        return self
