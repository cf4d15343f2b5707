"""What the recipes of all families share: keys, rules, names, and the way from a TOML file to a class."""

from __future__ import annotations

import abc
import dataclasses
import functools
from pathlib import Path
from typing import Annotated, Any, ClassVar, Dict, List, Literal, Optional, Protocol, Tuple, Type, Union

import tomllib
import torch
from pydantic import (
    AfterValidator,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from torch import nn

from lst_overlay.network import check_name
from model.training.checked import CHECKED, NonNegative, Positive, PositiveCount
from model.training.recipe.errors import (
    RecipeError,
    family_of,
    networks_of,
    one_line,
    unknown_key,
    without_others_defaults,
)
from model.training.recipe.tables import Distillation, OwnData

DIRECTORY = Path("recipes")
CHECKOUT = Path(__file__).resolve().parents[3]
DEFAULT_NETWORK = "lst1"
FAMILIES: List[Type[Recipe]] = []


class Augmenter(Protocol):
    """The augmentation of images, uint8; what it draws comes from a generator on the CPU.

    copies: how many augmented copies of the training images are made once, 0 for none.
    """

    copies: int

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...

    def of_copy(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor: ...


def quoted_file(stem: str) -> str:
    """The file of a recipe as commands name it: with its directory if it comes with the project."""
    file = DIRECTORY / f"{stem}.toml"
    return file.as_posix() if (CHECKOUT / file).is_file() else file.name


def family(kind: Type[Recipe]) -> Type[Recipe]:
    """Class decorator: recipes whose `network` the class names are read as objects of this class."""
    kind = dataclass(kind, frozen=True, config=CHECKED)
    FAMILIES.append(kind)
    return kind


def _network_name(name: str) -> str:
    """A recipe's name becomes the name of the network file."""
    check_name(name)
    return name


@dataclass(frozen=True, config=CHECKED)
class Recipe(abc.ABC):
    """A training run. Each network family has its class, which `read`, `named` and `from_settings` choose.

    name: that of the TOML file.
    optimizer: Adam, or stochastic gradient descent with Nesterov momentum.
    learning_rate: the optimiser's, at the peak of the schedule.
    label_smoothing: the part of each label that is spread over all classes.
    average: validate and keep an exponential moving average of the weights and of their norms' statistics, of
    which each step keeps this part. With 0, the weights themselves.
    init_from: the checkpoint of a trained float network to start from. In this path, and in the teacher's,
    the keys named in `placeholders` stand in braces for the run's own values.
    """

    name: Annotated[StrictStr, AfterValidator(_network_name)]
    network: StrictStr
    dataset: StrictStr
    epochs: PositiveCount = 100
    batch: PositiveCount = 250
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 4e-3
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    weight_decay: NonNegative = 0.0
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 1
    total_variation: NonNegative = 0.0
    label_smoothing: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.0
    average: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.0
    distillation: Optional[Distillation] = None
    init_from: Optional[StrictStr] = None

    own_data: ClassVar[Optional[OwnData]] = None  # a family whose data may be the user's own has it as a key
    image_shape: ClassVar[Tuple[int, ...]]  # of the images that the family's networks take
    placeholders: ClassVar[Tuple[str, ...]] = ("seed",)
    has_variants: ClassVar[bool] = False
    calm_epochs: ClassVar[int] = 0  # a family whose augmentation can be halved has it as a key

    # What a family answers.

    @abc.abstractmethod
    def new_network(self) -> nn.Module:
        """The network in real numbers, untrained. Its weights depend on torch's global seed."""

    def begin(self, network: nn.Module, images: torch.Tensor) -> None:  # noqa: B027 - most families have none
        """Choose what the untrained network takes from the training images, not from their labels."""

    @property
    def is_quantized(self) -> bool:
        """Whether the run trains the integers of the hardware."""
        return False

    def quantized(self, network: nn.Module) -> nn.Module:
        """The trainable network in integers that is made of a float network of this recipe."""
        raise NotImplementedError(f"network {self.network} has no form in integers")

    @property
    def augmenter(self) -> Optional[Augmenter]:
        """The augmentation of the training images; None leaves them as they are."""
        return None

    @property
    def calm_augmenter(self) -> Optional[Augmenter]:
        """The augmentation of the last `calm_epochs`."""
        return self.augmenter

    def variant(self, activation: Optional[str] = None, expansion: Optional[float] = None) -> Recipe:
        """The recipe with another activation function and hidden width. Only some families have variants."""
        if activation is not None or expansion is not None:
            networks = [name for kind in FAMILIES if kind.has_variants for name in networks_of(kind)]
            raise RecipeError(
                f"recipe {self.name}: --activation and --expansion belong to network {', '.join(networks)}, "
                f"this one is {self.network}"
            )
        return self

    @property
    def file_and_options(self) -> Tuple[str, str]:
        """The stem of the recipe's file, and the options of the command that choose this variant of it."""
        return self.name, ""

    @property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return 10

    def completed(self) -> Recipe:
        """The recipe with what only the user's own data say written into it, as checkpoints hold it."""
        return self

    # What is the same for all.

    def network_to_train(self) -> nn.Module:
        """The network that the run trains, untrained: in integers where the recipe says so."""
        network = self.new_network()
        return self.quantized(network) if self.is_quantized else network

    @property
    def ancestors(self) -> Dict[str, Path]:
        """The checkpoints that the run builds on: the "parent" that it starts from, and the "teacher"."""
        given = {"parent": self.init_from, "teacher": self.distillation and self.distillation.teacher}
        return {kind: self._path(path) for kind, path in given.items() if path}

    def _path(self, path: str) -> Path:
        values = {key: getattr(self, key) for key in self.placeholders}
        values = {key: f"{value:g}" if isinstance(value, float) else value for key, value in values.items()}
        return Path(path.format(**values))

    @property
    def command(self) -> str:
        """The command that runs the recipe, the same in every directory."""
        stem, options = self.file_and_options
        return f"python -m model train {quoted_file(stem)}{options} --seed {self.seed}"

    def settings(self) -> Dict[str, Any]:
        """What the TOML file would say, with every default written out.

        Keys that have no value are left out.
        """
        settings = dataclasses.asdict(self)
        del settings["name"]
        return {key: value for key, value in settings.items() if value is not None}

    def changed(self, **changes: Any) -> Recipe:
        """The recipe with other values, checked. RecipeError says in one line what is wrong with them."""
        return self.from_settings(changes.pop("name", self.name), {**self.settings(), **changes})

    @classmethod
    def read(cls, path) -> Recipe:
        """The recipe in a TOML file. The file's name without .toml is the recipe's name."""
        path = Path(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: not TOML ({error})") from None
        try:
            return cls.from_settings(path.stem, settings)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error}") from None

    @classmethod
    def named(cls, name: str, directory: Path = DIRECTORY) -> Recipe:
        """The recipe of that name in the directory, or a variant such as resmlp-lerp_psa-0.5."""
        stem, *cell = name.split("-")
        if len(cell) != 2:
            return cls.read(directory / f"{name}.toml")
        return cls.read(directory / f"{stem}.toml").variant(cell[0], float(cell[1]))

    @classmethod
    def from_settings(cls, name: str, settings: Dict[str, Any]) -> Recipe:
        """The recipe that a dictionary, as in a TOML file or from `settings`, describes."""
        settings = {"network": DEFAULT_NETWORK, **settings}
        kind = family_of(settings["network"], FAMILIES)
        if kind is not None:
            if "name" in settings:
                raise RecipeError(unknown_key(("name",), settings["network"], FAMILIES))
            settings = without_others_defaults(settings, kind, FAMILIES)
        try:
            return _any_of(tuple(FAMILIES)).validate_python({"name": name, **settings})
        except ValidationError as error:
            raise RecipeError(one_line(error, kind, FAMILIES)) from None

    # Rules between keys.

    @model_validator(mode="after")
    def _check_integers(self) -> Recipe:
        if self.is_quantized and self.weight_decay:
            raise ValueError(
                "weight_decay does not go with training in integers: it would pull every step towards 1"
            )
        return self

    @model_validator(mode="after")
    def _check_ancestors(self) -> Recipe:
        for key, path in (
            ("init_from", self.init_from),
            ("[distillation] teacher", self.distillation and self.distillation.teacher),
        ):
            try:
                absolute = path is not None and self._path(path).is_absolute()
            except (KeyError, IndexError, ValueError):
                known = ", ".join(f"{{{name}}}" for name in self.placeholders)
                raise ValueError(
                    f"{key} may have {known} in braces, for the run's own, and nothing else, is {path!r}"
                ) from None
            if absolute:
                raise ValueError(
                    f"{key} must be relative to where the command runs, not {path}: "
                    "the network file will quote it"
                )
        return self


@functools.lru_cache(maxsize=None)
def _any_of(families: Tuple[Type[Recipe], ...]) -> TypeAdapter:
    """The union of the families; a recipe's `network` tells which of them it belongs to."""
    return TypeAdapter(Annotated[Union[families], Field(discriminator="network")])
