"""The checkpoints that a run builds on, its parent and its teacher: loaded, checked, and put to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

import torch
from torch import nn

from model.quantized.network import CALIBRATION_IMAGES
from model.training.checkpoint import (
    CheckpointError,
    check_finished,
    load_checkpoint,
    recipe_of,
    selected_network,
)
from model.training.recipe import Recipe

State = Dict[str, Any]  # what a checkpoint holds


def load_ancestors(recipe: Recipe) -> Dict[str, State]:
    """The finished checkpoints that the recipe names: "parent" and "teacher", as far as it has them."""
    states = {}
    for kind, path in recipe.ancestors.items():
        states[kind] = load_checkpoint(path)
        check_finished(path, states[kind])
    return states


def summary(state: State) -> Dict[str, Any]:
    """What a descendant's checkpoint, and in the end the network file, says of the run.

    It holds no paths of this machine.
    """
    selected = state["selected"] and state["selected"]["validation_accuracy"]
    return {
        "recipe_name": state["recipe_name"],
        "recipe": state["recipe"],
        "ancestors": state["ancestors"],
        "validation_accuracy": selected,
        "test_accuracy": state.get("test_accuracy"),
    }


def start_from_parent(network: nn.Module, parent: State, recipe: Recipe, images: torch.Tensor) -> None:
    """Give the network of the recipe the trained weights of its parent. images: of the training part."""
    try:
        trained = selected_network(parent)
        if recipe_of(parent).is_quantized:
            raise CheckpointError(
                f"recipe {recipe.name}: init_from must be a float network, {recipe.init_from} is quantised"
            )
        _check_images("init_from", parent, recipe)
        if recipe.is_quantized:
            network.take_weights(trained, images[:CALIBRATION_IMAGES])
        else:
            network.load_state_dict(trained.state_dict())
    except RuntimeError as error:  # torch's own message lists every tensor
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"recipe {recipe.name}: the weights of {recipe.init_from} do not fit its network ({reason[:200]})"
        ) from None


def teacher_network(teacher: State, recipe: Recipe) -> nn.Module:
    """The trained teacher, in evaluation mode."""
    network = selected_network(teacher)
    _check_images("teacher", teacher, recipe)
    return network


def check_same_run(path: Path, state: State, recipe: Recipe) -> None:
    """CheckpointError unless the checkpoint has the recipe's settings and the present parent and teacher."""
    changed = _changed_setting(state, recipe) or _changed_ancestor(state, recipe)
    if changed is not None:
        raise CheckpointError(
            f"{path} was made with other {changed}; --out names another directory, "
            "--restart overwrites what is there"
        )


def _changed_setting(state: State, recipe: Recipe) -> Optional[str]:
    """The first setting that differs. A key that is newer than the checkpoint had its default there."""
    then, now = recipe_of(state).settings(), recipe.settings()
    for key in {**then, **now}:
        if then.get(key) != now.get(key):
            if key == "own_data":
                return f"data ({recipe.dataset} has changed)"
            return f"settings ({key}: {then.get(key)!r} there, {now.get(key)!r} now)"
    return None


def _changed_ancestor(state: State, recipe: Recipe) -> Optional[str]:
    """The first ancestor that was trained anew. One that has been deleted since is taken for the same."""
    for kind, path in recipe.ancestors.items():
        if path.is_file() and summary(load_checkpoint(path)) != state["ancestors"][kind]:
            return f"{kind} than {path}"
    return None


def _check_images(what: str, ancestor: State, recipe: Recipe) -> None:
    """An ancestor must take images of the same shape, and tell apart as many classes."""
    other = recipe_of(ancestor)
    if other.image_shape != recipe.image_shape:
        raise CheckpointError(
            f"recipe {recipe.name}: {what} must take images of {_shape(recipe)}, as network "
            f"{recipe.network} does for {recipe.dataset}; "
            f"{other.name} is network {other.network} and takes {_shape(other)}"
        )
    if other.classes != recipe.classes:
        raise CheckpointError(
            f"recipe {recipe.name}: {what} must have {recipe.classes} classes, as {recipe.dataset} has; "
            f"{other.name} has {other.classes}"
        )


def _shape(recipe: Recipe) -> str:
    return " x ".join(map(str, recipe.image_shape))
