"""Checkpoints: the state of a training run between two epochs, and the trained network inside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Dict

import torch
from torch import nn

from model.networks.torch_file import CheckpointError, load_tensors
from model.training.recipe import Recipe, RecipeError, quoted_file

VERSION = 1
_LITTLE = 1 << 16  # bytes that are free on a full disk, at most
_KEYS = {"recipe_name", "recipe", "epoch", "selected", "ancestors"}  # of every checkpoint
# What only a run that goes on needs.
_UNFINISHED = (
    "network",
    "optimizer",
    "schedule",
    "average",
    "generator",
    "torch_generator",
    "cuda_generator",
)


def save_checkpoint(path: Path, state: Dict[str, Any]) -> None:
    """Write the file, whole or not at all. OSError, with the earlier file in its place, if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        torch.save({"version": VERSION, **state}, partial)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # torch's own error for a full disk is the latter
        earlier = "the earlier one is as it was" if path.is_file() else "there is none yet"
        is_full = shutil.disk_usage(path.parent).free < _LITTLE
        reason = "no space left on device" if is_full else " ".join(str(error).split())[:200]
        raise OSError(f"{path}: the checkpoint cannot be written ({reason}); {earlier}") from None
    finally:
        partial.unlink(missing_ok=True)


def finished(state: Dict[str, Any], test_accuracy: float) -> Dict[str, Any]:
    """What the checkpoint of a finished run keeps: the selected network, and what was trained how."""
    kept = {key: value for key, value in state.items() if key not in _UNFINISHED}
    return {**kept, "test_accuracy": test_accuracy}


def load_checkpoint(path) -> Dict[str, Any]:
    """Everything that `save_checkpoint` was given. Loads tensors and plain values only, never code."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint; train it first: {_command_for(path)}")
    if path.suffix == ".npz":
        raise CheckpointError(
            f"{path}: a network file, where the checkpoint of python -m model train is wanted"
        )
    state = load_tensors(path, "not a checkpoint, or damaged ({}); train with --restart makes it anew")
    version = state.get("version") if isinstance(state, dict) else None
    if version is None:
        raise CheckpointError(
            f"{path}: not a checkpoint of python -m model train "
            "(published ones can be evaluated and studied only)"
        )
    if version == VERSION and not _KEYS <= state.keys():
        missing = ", ".join(sorted(_KEYS - state.keys()))
        raise CheckpointError(f"{path}: not a checkpoint of python -m model train (it lacks {missing})")
    if version != VERSION:
        raise CheckpointError(f"{path}: checkpoint version {version}, this program reads {VERSION}")
    return state


def _command_for(path: Path) -> str:
    """The command that makes a checkpoint at its usual place, build/train/<recipe>/seed<seed>.

    One in networks/ comes with the project.
    """
    if path.parent.name == "networks":
        return f"python -m model ship {path.stem}"
    seed, (stem, *variant) = path.parent.name[len("seed") :], path.parent.parent.name.split("-")
    if path.parent.name.startswith("seed") and seed.isdigit():
        options = f" --activation {variant[0]} --expansion {variant[1]}" if len(variant) == 2 else ""
        return f"python -m model train {quoted_file(stem)}{options} --seed {seed}"
    return "python -m model train RECIPE.toml"


def check_finished(path, state: Dict[str, Any]) -> None:
    """Raise CheckpointError, with the command that finishes the training, unless it is finished."""
    if "test_accuracy" not in state:
        recipe = recipe_of(state)
        raise CheckpointError(
            f"{path}: training stopped after {state['epoch']} of {recipe.epochs} epochs; "
            f"finish it first: {recipe.command}"
        )


def recipe_of(state: Dict[str, Any]) -> Recipe:
    """The recipe that the run was started with."""
    try:
        return Recipe.from_settings(state["recipe_name"], state["recipe"])
    except RecipeError as error:
        raise CheckpointError(
            f"the checkpoint of {state['recipe_name']} was made by another version of this program, "
            f"whose recipe this one does not take ({error}); train it again with --restart"
        ) from None


def selected_network(state: Dict[str, Any]) -> nn.Module:
    """The network with the weights that validation selected, in evaluation mode."""
    network = recipe_of(state).network_to_train()
    network.load_state_dict(state["selected"]["network"])
    return network.eval()
