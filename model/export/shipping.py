"""The files that come with the project: the run of a recipe with the best validation accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional

from lst_overlay.network import QFormat
from lst_overlay.samples import shipped_networks
from model.export.quantize import quantize_checkpoint
from model.training.checkpoint import save_checkpoint
from model.training.experiments import CIFAR10_TEACHER, RESMLP, STUDENTS, Group, resmlp_group
from model.training.recipe import Recipe
from model.training.train import directory_of, train

PACKAGED = shipped_networks.DIRECTORY  # networks that the hardware runs
UNPACKAGED = Path("networks")  # networks that it does not run
RESMLPS = (  # function, hidden width, precision, directory
    ("lerp_psa", 1.0, "w5a6", PACKAGED),
    ("lerp_psa", 0.5, "w5a6", PACKAGED),
    ("lerp_psa", 1.0, "int8", PACKAGED),
    ("relu", 2.0, "w5a6", PACKAGED),
    ("relu", 2.0, "int8", UNPACKAGED),
)


class Shipped(NamedTuple):
    """A file and the runs that it is chosen from: a network file, or as .pt a teacher's checkpoint.

    fmt: the format of post-training quantisation; None for a recipe that trains in integers.
    """

    file: Path
    group: Group
    fmt: Optional[QFormat] = None


def shipped() -> Iterator[Shipped]:
    for group in STUDENTS:
        if "widths" in group.settings():
            yield Shipped(PACKAGED / f"{group.recipe}.npz", group)
    for activation, expansion, precision, directory in RESMLPS:
        group = resmlp_group(f"{RESMLP}_{precision}", activation, expansion, (1,))
        yield Shipped(directory / f"resmlp_{activation}_h{expansion:g}_{precision}.npz", group)
    yield Shipped(UNPACKAGED / f"{CIFAR10_TEACHER}.pt", Group(CIFAR10_TEACHER, "VGG", "float", (1,)))
    yield Shipped(PACKAGED / "lst1_q6.7.npz", Group("lst1_tanh", "LST-1, tanh", "Q6.7", (1,)), QFormat(6, 7))
    yield Shipped(
        PACKAGED / "lst1_digits.npz", Group("lst1_digits", "LST-1, tanh", "Q4.6", (1,)), QFormat(4, 6)
    )


def ship(one: Shipped) -> Dict[str, Any]:
    """Write the file from the run with the best validation accuracy (lowest seed on a tie).

    Runs that are not finished are trained first. Returns the run's recipe and seed, and in percent its
    accuracies on validation and test images, of integers if the file holds integers.
    """
    recipes = [
        Recipe.from_settings(one.group.recipe, {**one.group.settings(), "seed": seed})
        for seed in one.group.seeds
    ]
    best = max(recipes, key=lambda recipe: train(recipe)["selected"]["validation_accuracy"])
    one.file.parent.mkdir(parents=True, exist_ok=True)
    if one.file.suffix == ".pt":
        return _ship_teacher(best, one.file)
    figures = quantize_checkpoint(directory_of(best) / "checkpoint.pt", one.file, one.fmt)
    return {
        "recipe": best.name,
        "seed": best.seed,
        "validation": figures["accuracy_validation"],
        "test": figures["accuracy_integer"],
    }


def _ship_teacher(recipe: Recipe, file: Path) -> Dict[str, Any]:
    """Write the checkpoint with matrices in bfloat16, as which they are multiplied: half the size."""
    state = train(recipe)
    selected = state["selected"]
    network = {
        name: tensor.bfloat16() if tensor.dim() > 1 else tensor
        for name, tensor in selected["network"].items()
    }
    save_checkpoint(file, {**state, "selected": {**selected, "network": network}})
    return {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "validation": 100 * selected["validation_accuracy"],
        "test": 100 * state["test_accuracy"],
    }
