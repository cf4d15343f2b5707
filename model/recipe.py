"""A recipe: everything that decides what a training run does, read from a TOML file in recipes/."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

import tomllib

from .activations import ACTIVATIONS
from .augment import Augmentation
from .data import VALIDATION_IMAGES
from .networks import NETWORKS


class RecipeError(ValueError):
    """A recipe names an unknown key or an impossible value."""


@dataclass(frozen=True)
class Widths:
    """Bits of the fake-quantised network; weights and activations are signed, pixels unsigned."""

    weights: int
    activations: int
    pixels: int

    def __post_init__(self):
        for key, low, high in (("weights", 2, 16), ("activations", 2, 16), ("pixels", 1, 8)):
            if not low <= getattr(self, key) <= high:
                raise RecipeError(f"widths: {key} must have {low}..{high} bits, not {getattr(self, key)}")


@dataclass(frozen=True)
class Recipe:
    """learning_rate is the peak of a one-cycle schedule; init_from is the checkpoint of a trained float network."""

    name: str
    dataset: str = "mnist"
    network: str = "lst1"
    activation: str = "tanh"
    epochs: int = 100
    batch: int = 250
    learning_rate: float = 4e-3
    seed: int = 1
    augmentation: Optional[Augmentation] = None
    widths: Optional[Widths] = None
    init_from: Optional[str] = None

    def __post_init__(self):
        for key, known in (("dataset", VALIDATION_IMAGES), ("network", NETWORKS), ("activation", ACTIVATIONS)):
            if getattr(self, key) not in known:
                raise RecipeError(f"recipe {self.name}: {key} must be one of {', '.join(known)}, not {getattr(self, key)!r}")
        for key in ("epochs", "batch", "learning_rate"):
            if not getattr(self, key) > 0:
                raise RecipeError(f"recipe {self.name}: {key} must be positive, not {getattr(self, key)}")
        if self.widths is not None and self.init_from is None:
            raise RecipeError(f"recipe {self.name}: widths need init_from, the float network to start from")
        if self.init_from is not None and Path(self.init_from).is_absolute():
            raise RecipeError(f"recipe {self.name}: init_from must be relative to where the command runs, not {self.init_from}: "
                              "the network file will quote it")

    @classmethod
    def read(cls, path) -> Recipe:
        """The file's name without .toml is the recipe's name."""
        path = Path(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: not TOML ({error})") from None
        return cls.from_settings(path.stem, settings)

    @classmethod
    def from_settings(cls, name: str, settings: Dict[str, Any]) -> Recipe:
        """The nested dictionary of a TOML file, or of `settings`, -> Recipe."""
        try:
            parts = {key: kind(**settings[key]) for key, kind in (("augmentation", Augmentation), ("widths", Widths))
                     if settings.get(key) is not None}
            return cls(name=name, **{**settings, **parts})
        except TypeError as error:  # an unknown or missing key
            raise RecipeError(f"recipe {name}: {error}") from None

    def settings(self) -> Dict[str, Any]:
        """What the TOML file would say, with every default written out; unset tables are left out."""
        settings = dataclasses.asdict(self)
        del settings["name"]
        return {key: value for key, value in settings.items() if value is not None}
