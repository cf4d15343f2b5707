"""A recipe: everything that decides what a training run does, read from a TOML file in recipes/."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Type, Union, get_type_hints

import tomllib
from pydantic import TypeAdapter, ValidationError
from torch import nn

from lst_overlay.network import NetworkError, check_name
from lst_overlay.network.resmlp.layers import MAX_FAN_IN
from model.networks.activations import ACTIVATIONS, ReLU
from model.networks.lst import NETWORKS
from model.networks.resmlp import BLOCKS, ResMLP, hidden_width
from model.networks.teacher import Teacher
from model.training.augment import Augmentation
from model.training.data import VALIDATION_IMAGES
from model.training.picture_augment import PictureAugmentation


class RecipeError(ValueError):
    """A recipe names an unknown key or an impossible value."""


@dataclass(frozen=True)
class Widths:
    """Bits of the fake-quantised network; weights and activations are signed, pixels unsigned.

    weights: one number, or one for each layer; activations likewise, for each layer but the last.
    """

    weights: Union[int, Sequence[int]]
    activations: Union[int, Sequence[int]]
    pixels: int

    def __post_init__(self):
        for key, low, high in (("weights", 2, 16), ("activations", 2, 16), ("pixels", 1, 8)):
            value = getattr(self, key)
            for bits in value if isinstance(value, (list, tuple)) else [value]:
                if type(bits) is not int or not low <= bits <= high:
                    raise RecipeError(f"[widths] {key} must have {low}..{high} bits, not {bits}")
        if not isinstance(self.pixels, int):
            raise RecipeError(f"[widths] pixels must be one number, not {self.pixels}")

    def weights_of(self, layers: int) -> List[int]:
        return self._for_each("weights", self.weights, layers)

    def activations_of(self, layers: int) -> List[int]:
        """With one more for the last layer, which has no activation and ignores it."""
        return self._for_each("activations", self.activations, layers - 1) + [2]

    def _for_each(self, key: str, value, count: int) -> List[int]:
        if isinstance(value, int):
            return [value] * count
        if len(value) != count:
            raise RecipeError(
                f"[widths] {key} must be one number or {count}, one for each layer, not {len(value)}"
            )
        return list(value)


@dataclass(frozen=True)
class Distillation:
    """Learning from a teacher's logits besides the labels: loss = (1 - weight) CE(labels) + weight T^2 CE(teacher / T, student / T).

    teacher: the checkpoint of a trained network. Its logits are computed once where there are augmented copies, else as it goes.
    transfer_epochs: for ResMLP, epochs spent beforehand on each block, which learns what the teacher's gives behind the same block.
    """

    teacher: str
    weight: float = 0.9
    temperature: float = 2.0
    transfer_epochs: int = 0

    def __post_init__(self):
        if not 0 < self.weight <= 1:
            raise RecipeError(f"[distillation] weight must lie in 0..1 and not be 0, is {self.weight}")
        if not self.temperature > 0:
            raise RecipeError(f"[distillation] temperature must be positive, not {self.temperature}")
        if self.transfer_epochs < 0:
            raise RecipeError(
                f"[distillation] transfer_epochs must not be negative, is {self.transfer_epochs}"
            )


SCHEDULES = ("one_cycle", "cosine", "constant")
DIRECTORY = Path("recipes")
RESMLP, CNN = "resmlp", "cnn"
_KNOWN = {
    "dataset": VALIDATION_IMAGES,
    "network": [*NETWORKS, CNN, RESMLP],
    "activation": ACTIVATIONS,
    "schedule": SCHEDULES,
}
RESMLP_ACTIVATIONS = ("relu", "psa", "lerp_psa", "b_spline")
_TABLES = {
    "augmentation": Augmentation,
    "picture_augmentation": PictureAugmentation,
    "widths": Widths,
    "distillation": Distillation,
}


def _made(kind: Type, settings: Any, table: Optional[str], **given: Any) -> Any:
    """The dataclass of a table of TOML, None for the file itself. RecipeError for what it does not know, lacks, or cannot be."""
    where = f"[{table}] " if table else ""
    if not isinstance(settings, dict):
        raise RecipeError(f"{table} must be a table, not {settings!r}")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}
    types = get_type_hints(kind)
    for key, value in settings.items():
        if key not in fields:
            raise RecipeError(
                f"{where}has no key {key!r}; there are {', '.join(fields)}"
                if table
                else f"unknown key {key!r}; there are {', '.join(fields)}"
            )
        try:
            TypeAdapter(types[key]).validate_python(value, strict=True)
        except ValidationError as error:
            wanted = error.errors()[0]["msg"].replace("Input should be", "must be")
            raise RecipeError(f"{where}{key} {wanted}, not {value!r}") from None
    missing = [
        key for key, field in fields.items() if field.default is dataclasses.MISSING and key not in settings
    ]
    if missing:
        raise RecipeError(f"{where}needs {' and '.join(missing)}")
    try:
        return kind(**settings, **given)
    except RecipeError:
        raise
    except ValueError as error:
        raise RecipeError(f"{where}{error}") from None


@dataclass(frozen=True)
class Recipe:
    """learning_rate is the peak of the schedule; init_from is the checkpoint of a trained float network. In it and in a teacher's name
    {seed}, {activation} and {expansion} stand for this run's.

    knots and per_channel belong to learned activations; dropout acts before each activation and on the logits.
    calm_epochs: that many epochs at the end see half the augmentation, so that a small network spends itself on what it will meet.
    normalize: batch normalisation before each activation, while training in real numbers; in what comes of it, it is in the weights.
    total_variation: weight in the loss of the B-splines' total variation; other functions have none.
    expansion and int8 are ResMLP's: its hidden width over the channels', and to train in the integers of its accelerators.
    """

    name: str
    dataset: str = "mnist"
    network: str = "lst1"
    expansion: Optional[float] = None
    activation: str = "tanh"
    knots: Optional[int] = None
    per_channel: bool = False
    dropout: float = 0.0
    normalize: bool = False
    epochs: int = 100
    batch: int = 250
    learning_rate: float = 4e-3
    schedule: str = "one_cycle"
    weight_decay: float = 0.0
    seed: int = 1
    total_variation: float = 0.0
    augmentation: Optional[Augmentation] = None
    picture_augmentation: Optional[PictureAugmentation] = None
    calm_epochs: int = 0
    distillation: Optional[Distillation] = None
    widths: Optional[Widths] = None
    int8: bool = False
    init_from: Optional[str] = None

    def __post_init__(self):
        try:
            check_name(self.name)
        except NetworkError as error:
            raise RecipeError(str(error)) from None
        for key, known in _KNOWN.items():
            if getattr(self, key) not in known:
                raise RecipeError(f"{key} must be one of {', '.join(known)}, not {getattr(self, key)!r}")
        for key in ("epochs", "batch", "learning_rate"):
            if not getattr(self, key) > 0:
                raise RecipeError(f"{key} must be positive, not {getattr(self, key)}")
        if not 0 <= self.calm_epochs <= (self.epochs if self.augmentation else 0):
            raise RecipeError(
                f"calm_epochs must lie in 0..epochs, and needs augmentation, is {self.calm_epochs}"
            )
        if not 0 <= self.dropout < 1:
            raise RecipeError(f"dropout must lie in 0..1 and not be 1, is {self.dropout}")
        if self.knots is not None and self.knots < 2:
            raise RecipeError(f"knots must be at least 2, not {self.knots}")
        for key in ("weight_decay", "total_variation"):
            if not 0 <= getattr(self, key) < math.inf:
                raise RecipeError(f"{key} must not be negative, is {getattr(self, key)}")
        if self.weight_decay and (self.widths is not None or self.int8):
            raise RecipeError(
                "weight_decay does not go with training in integers: it would pull every step towards 1"
            )
        if not 0 <= self.seed < 2**63:
            raise RecipeError(f"seed must lie in 0..2^63 - 1, is {self.seed}")
        if (self.knots is not None or self.per_channel) and not ACTIVATIONS[self.activation].is_learned:
            raise RecipeError(
                f"knots and per_channel belong to a learned activation, not to {self.activation}"
            )
        if self.knots is not None and not ACTIVATIONS[self.activation].has_knots:
            raise RecipeError(f"{self.activation} has no knots, lerp_psa is the same function on a grid")
        if self.widths is not None and self.init_from is None:
            raise RecipeError("widths need init_from, the float network to start from")
        self._check_resmlp()
        if self.widths is not None and (self.network == CNN or self.dropout or self.normalize):
            what = (
                "network cnn"
                if self.network == CNN
                else f"dropout {self.dropout}"
                if self.dropout
                else "normalize"
            )
            raise RecipeError(f"widths do not go with {what}")
        if (
            self.distillation is not None
            and self.network != RESMLP
            and not (self.augmentation and self.augmentation.copies)
        ):
            raise RecipeError("distillation needs augmentation with copies, whose logits are computed once")
        try:
            ancestors = self.ancestors
        except (KeyError, IndexError, ValueError):
            raise RecipeError(
                "init_from and teacher may name the run's {seed}, {activation} and {expansion} and nothing else in braces, "
                f"are {self.init_from!r} and {self.distillation and self.distillation.teacher!r}"
            ) from None
        for kind, path in ancestors.items():
            if path.is_absolute():
                raise RecipeError(
                    f"{'init_from' if kind == 'parent' else kind} must be relative to where the command runs, not {path}: "
                    "the network file will quote it"
                )

    def _check_resmlp(self) -> None:
        """ResMLP's own keys and data set, and what it cannot have."""
        is_resmlp = self.network == RESMLP
        if is_resmlp != (self.dataset == "cifar10"):
            raise RecipeError(
                f"network {RESMLP} and dataset cifar10 go together, not {self.network} and {self.dataset}"
            )
        transfer = self.distillation and self.distillation.transfer_epochs
        own = {
            "expansion": self.expansion is not None,
            "picture_augmentation": self.picture_augmentation,
            "int8": self.int8,
            "transfer_epochs": transfer,
        }
        others = {
            "dropout": self.dropout,
            "normalize": self.normalize,
            "augmentation": self.augmentation,
            "widths": self.widths,
        }
        for key, value in (others if is_resmlp else own).items():
            if value:
                raise RecipeError(
                    f"{key} {'does not go with' if is_resmlp else 'belongs to'} network {RESMLP}"
                )
        if not is_resmlp:
            return
        if self.expansion is None:
            raise RecipeError("network resmlp needs expansion, its hidden width over its 96 channels")
        try:
            hidden = hidden_width(self.expansion)
        except ValueError as error:
            raise RecipeError(str(error)) from None
        if self.activation not in RESMLP_ACTIVATIONS:
            raise RecipeError(
                f"activation must be one of {', '.join(RESMLP_ACTIVATIONS)} for network {RESMLP}, not {self.activation!r}"
            )
        if self.activation != ReLU.name and not self.per_channel:
            raise RecipeError(f"network {RESMLP} with activation {self.activation} needs per_channel = true")
        if self.int8 and self.init_from is None:
            raise RecipeError("int8 needs init_from, the float network to start from")
        if self.int8 and (transfer or hidden > MAX_FAN_IN):
            raise RecipeError(
                "int8 does not go with transfer_epochs"
                if transfer
                else f"int8 takes at most {MAX_FAN_IN} hidden channels, not {hidden}"
            )

    @property
    def all_epochs(self) -> int:
        """Those in which blocks are taught one by one included."""
        return self.epochs + (BLOCKS * self.distillation.transfer_epochs if self.distillation else 0)

    @property
    def ancestors(self) -> Dict[str, Path]:
        """The checkpoints that it builds on: the "parent" that it starts from, the "teacher"."""
        named = {"parent": self.init_from, "teacher": self.distillation and self.distillation.teacher}
        return {
            kind: Path(
                path.format(seed=self.seed, activation=self.activation, expansion=f"{self.expansion or 0:g}")
            )
            for kind, path in named.items()
            if path
        }

    @property
    def command(self) -> str:
        """What runs it, in a checkout. A recipe that does not lie in recipes/ is named without a directory."""
        command = self.checkout_command
        path = Path(command.split()[4])
        return command if path.is_file() else command.replace(path.as_posix(), path.name)

    @property
    def checkout_command(self) -> str:
        """What runs it in a checkout, the same from every directory: network files quote it."""
        stem, options = self.name, ""
        if self.network == RESMLP and self.name.endswith(self._variant_suffix):
            stem, options = (
                self.name[: -len(self._variant_suffix)],
                f" --activation {self.activation} --expansion {self.expansion:g}",
            )
        return f"python -m model train {(DIRECTORY / stem).as_posix()}.toml{options} --seed {self.seed}"

    def variant(self, activation: Optional[str] = None, expansion: Optional[float] = None) -> Recipe:
        """The recipe of ResMLP with this function and hidden width, named after both: resmlp_short-lerp_psa-0.5."""
        if self.network != RESMLP:
            raise RecipeError(
                f"recipe {self.name}: --activation and --expansion belong to network {RESMLP}, this one is {self.network}"
            )
        if activation not in (None, *RESMLP_ACTIVATIONS):
            raise RecipeError(
                f"--activation must be one of {', '.join(RESMLP_ACTIVATIONS)}, not {activation!r}"
            )
        kind = ACTIVATIONS.get(activation)
        changed = dataclasses.replace(
            self,
            activation=self.activation if activation is None else activation,
            per_channel=self.per_channel if kind is None else kind.is_learned,
            expansion=self.expansion if expansion is None else expansion,
        )
        return dataclasses.replace(changed, name=self.name + changed._variant_suffix)

    @property
    def _variant_suffix(self) -> str:
        return f"-{self.activation}-{self.expansion:g}"

    @classmethod
    def read(cls, path) -> Recipe:
        """The file's name without .toml is the recipe's name."""
        path = Path(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: not TOML ({error})") from None
        try:
            return cls.from_settings(path.stem, settings)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error}") from None

    @classmethod
    def named(cls, name: str, directory: Path = DIRECTORY) -> Recipe:
        """The recipe of that name in the directory, or of ResMLP a variant of one: resmlp_short-lerp_psa-0.5."""
        stem, *variant = name.split("-")
        if len(variant) != 2:
            return cls.read(directory / f"{name}.toml")
        return cls.read(directory / f"{stem}.toml").variant(variant[0], float(variant[1]))

    @classmethod
    def from_settings(cls, name: str, settings: Dict[str, Any]) -> Recipe:
        """The nested dictionary of a TOML file, or of `settings`, -> Recipe."""
        tables = {
            key: _made(kind, settings[key], key)
            for key, kind in _TABLES.items()
            if settings.get(key) is not None
        }
        return _made(cls, {**settings, **tables}, None, name=name)

    def settings(self) -> Dict[str, Any]:
        """What the TOML file would say, with every default written out; unset tables are left out."""
        settings = dataclasses.asdict(self)
        del settings["name"]
        return {key: value for key, value in settings.items() if value is not None}

    @property
    def new_activation(self) -> Callable[[int], nn.Module]:
        """From a number of channels to the recipe's activation."""
        kind = ACTIVATIONS[self.activation]
        options = (
            {}
            if not kind.is_learned
            else {"per_channel": self.per_channel, **({"knots": self.knots} if self.knots else {})}
        )
        return lambda channels: kind(channels, **options)

    def new_network(self) -> nn.Module:
        """The recipe's network in real numbers, untrained. Weights depend on torch's global seed."""
        if self.network == CNN:
            return Teacher()
        if self.network == RESMLP:
            return ResMLP(self.expansion, self.new_activation)
        return NETWORKS[self.network](
            activation=self.new_activation, dropout=self.dropout, normalize=self.normalize
        )
