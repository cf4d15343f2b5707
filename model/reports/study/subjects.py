"""The float networks that are studied: ours, trained if it is missing, and the published one if there."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from torch import nn

from model.networks.lst import parameters_of
from model.networks.published_lst import SUFFIX, load_published
from model.quantized.network import QuantizedNetwork
from model.reports.study.settings import Settings
from model.training.checkpoint import CheckpointError, load_checkpoint, recipe_of, selected_network
from model.training.recipe import Recipe
from model.training.train import directory_of, train

PUBLISHED_FILE = Path("reference_checkpoints") / "LST_1_epoch_300.pth"


@dataclass(frozen=True)
class Subject:
    """A trained float network in a file.

    The hash distinguishes it from one trained later under the same name.
    """

    name: str  # in file names
    title: str
    path: Path
    sha256: str

    @classmethod
    def of(cls, name: str, title: str, path) -> Subject:
        path = Path(path)
        return cls(name, title, path, hashlib.sha256(path.read_bytes()).hexdigest())

    def load(self) -> nn.Module:
        return (
            load_published(self.path)
            if self.path.suffix == SUFFIX
            else selected_network(load_checkpoint(self.path))
        )

    def describe(self) -> Dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "sha256": self.sha256,
            "parameters": parameters_of(self.load()),
        }


def train_recipe(recipe: Recipe, directory: Path, device: str = "cpu") -> Dict[str, Any]:
    """Train as a point of a sweep: leaves directory/checkpoint.pt, returns figures, accuracies in percent."""
    state = train(recipe, directory, device=device)
    return {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "epochs": state["epoch"],
        "selected_epoch": state["selected"]["epoch"],
        "validation_accuracy": 100 * state["selected"]["validation_accuracy"],
        "test_accuracy": 100 * state["test_accuracy"],
    }


def recipe_for(settings: Settings) -> Recipe:
    recipe = Recipe.read(settings.recipe)
    return recipe if settings.epochs is None else dataclasses.replace(recipe, epochs=settings.epochs)


def find_subjects(settings: Settings) -> List[Subject]:
    """Return the networks, ours first. Starts or resumes its training if that is not finished."""
    recipe = recipe_for(settings)
    directory = settings.train or directory_of(recipe)
    train_recipe(recipe, directory)  # returns at once if it is done
    path = directory / "checkpoint.pt"
    if isinstance(selected_network(load_checkpoint(path)), QuantizedNetwork):
        raise CheckpointError(f"{path}: the study starts from a float network, this one is quantised")
    ours = Subject.of(recipe.name, f"{recipe.name} (ours)", path)
    published = _published()
    return [ours] if published is None else [ours, Subject.of("published", "LST-1 as published", published)]


def recipe_of_subject(subject: Subject) -> Recipe:
    return recipe_of(load_checkpoint(subject.path))


def _published() -> Optional[Path]:
    data = os.environ.get("LST_DATA_DIR")
    path = Path(data) / PUBLISHED_FILE if data else None
    return path if path is not None and path.is_file() else None
