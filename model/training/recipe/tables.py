"""The tables [widths], [distillation] and [own_data] of a recipe. Those of augmentation lie beside it."""

from __future__ import annotations

from typing import Annotated, List, Sequence, Union

from pydantic import Discriminator, Field, StrictFloat, StrictInt, StrictStr, Tag, model_validator
from pydantic.dataclasses import dataclass

from datasets.own import CLASSES, DEFAULT_SIDE, SIDES
from lst_overlay.network.resmlp.layers import MAX_BITS
from model.training.checked import CHECKED, Positive
from model.training.recipe.errors import EACH, ONE, RecipeError

Bits = Annotated[StrictInt, Field(ge=2, le=16)]
Feature = Annotated[StrictInt, Field(ge=2)]


def _one_or_each(number) -> type:
    """The type of a key that is one number for all or a list with one for each."""
    return Annotated[
        Union[Annotated[number, Tag(ONE)], Annotated[List[number], Tag(EACH)]],
        Discriminator(lambda value: EACH if isinstance(value, (list, tuple)) else ONE),
    ]


LayerBits = _one_or_each(Bits)
Features = _one_or_each(Feature)


@dataclass(frozen=True, config=CHECKED)
class Widths:
    """The bits of a quantised network. Weights and activations are signed, pixels unsigned.

    weights, activations: one number for all layers, or a list with one for each layer. The last layer has no
    activation.
    """

    weights: LayerBits
    activations: LayerBits
    pixels: Annotated[StrictInt, Field(ge=1, le=8)]

    def weights_of(self, layers: int) -> List[int]:
        """The weight width of each of that many layers."""
        return _for_each("weights", self.weights, layers)

    def activations_of(self, layers: int) -> List[int]:
        """The activation width of each of that many layers.

        The last one has no activation and ignores its 2.
        """
        return [*_for_each("activations", self.activations, layers - 1), 2]


def _for_each(key: str, value: Union[int, Sequence[int]], count: int) -> List[int]:
    if isinstance(value, int):
        return [value] * count
    if len(value) != count:
        raise RecipeError(
            f"[widths] {key} must be one number or {count}, one for each layer, not {len(value)}"
        )
    return list(value)


CodeBits = Annotated[StrictInt, Field(ge=2, le=MAX_BITS)]


@dataclass(frozen=True, config=CHECKED)
class ResMLPWidths:
    """The bits of a quantised ResMLP.

    weights: of the matrices. codes: of what enters them. residual: of the residual stream and of the
    matrices' other outputs. pixels: of the image, its upper ones.
    entries: how many a channel's table has, a power of two.
    """

    weights: CodeBits = MAX_BITS
    codes: CodeBits = MAX_BITS
    residual: CodeBits = MAX_BITS
    pixels: CodeBits = MAX_BITS
    entries: Annotated[StrictInt, Field(ge=2)] = 64

    @model_validator(mode="after")
    def _check(self) -> ResMLPWidths:
        if self.codes > self.residual:
            raise ValueError(f"codes must be at most residual, {self.residual}, not {self.codes}")
        greatest = 1 << (self.residual - 1)
        if self.entries & (self.entries - 1) or self.entries > greatest:
            raise ValueError(f"entries must be a power of two, at most {greatest}, not {self.entries}")
        return self


@dataclass(frozen=True, config=CHECKED)
class OwnData:
    """A file of the user's own data: the names of its classes, its content's sha256, its images' side."""

    names: Annotated[List[StrictStr], Field(min_length=CLASSES[0], max_length=CLASSES[1])]
    sha256: StrictStr
    side: Annotated[StrictInt, Field(ge=SIDES[0], le=SIDES[1])] = DEFAULT_SIDE  # that of earlier checkpoints


@dataclass(frozen=True, config=CHECKED)
class Distillation:
    """Learning from a teacher's logits besides the labels.

    loss = (1 - weight) CE(labels, student) + weight T^2 CE(softmax(teacher / T), student / T), T being the
    temperature.
    teacher: the checkpoint of a trained network.
    """

    teacher: StrictStr
    weight: Annotated[StrictFloat, Field(gt=0, le=1)] = 0.9
    temperature: Positive = 2.0
