"""Checkpoints: the state of a training run between two epochs, and the trained network inside it."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any, Dict

import torch
from torch import nn

from model.quantized.lst import QuantizedLST
from model.quantized.resmlp import QuantizedResMLP
from model.training.recipe import Recipe

VERSION = 1
# What torch.load raises for a file that is damaged or something else.
UNREADABLE = (
    RuntimeError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    OSError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


class CheckpointError(ValueError):
    """The file is not a checkpoint of ours, or not one of this recipe."""


def new_network(recipe: Recipe) -> nn.Module:
    """The recipe's network, untrained; in integers if the recipe names widths or int8. Weights depend on torch's global seed."""
    network = recipe.new_network()
    if recipe.int8:
        return QuantizedResMLP(network)
    return network if recipe.widths is None else QuantizedLST.from_float(network, recipe.widths)


def save_checkpoint(path: Path, state: Dict[str, Any]) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save({"version": VERSION, **state}, partial)
    os.replace(partial, path)


def load_checkpoint(path) -> Dict[str, Any]:
    """Everything `save_checkpoint` was given. Loads tensors and plain values only, never code."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint; train it first: {_command_for(path)}")
    if path.suffix == ".npz":
        raise CheckpointError(
            f"{path}: a network file, where the checkpoint of python -m model train is wanted"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise CheckpointError(
            f"{path}: not a checkpoint, or damaged ({type(error).__name__}); "
            "train with --restart makes it anew"
        ) from None
    version = state.get("version") if isinstance(state, dict) else None
    if version is None:
        raise CheckpointError(
            f"{path}: not a checkpoint of python -m model train (published ones can be evaluated and studied only)"
        )
    if version != VERSION:
        raise CheckpointError(f"{path}: checkpoint version {version}, this program reads {VERSION}")
    return state


def _command_for(path: Path) -> str:
    """The command that makes a checkpoint at its usual place, build/train/<recipe>/seed<seed>."""
    seed, (stem, *variant) = path.parent.name[len("seed") :], path.parent.parent.name.split("-")
    if path.parent.name.startswith("seed") and seed.isdigit():
        options = f" --activation {variant[0]} --expansion {variant[1]}" if len(variant) == 2 else ""
        return f"python -m model train recipes/{stem}.toml{options} --seed {seed}"
    return "python -m model train RECIPE.toml"


def check_finished(path, state: Dict[str, Any]) -> None:
    """Raise CheckpointError, with the command that goes on, unless training is over."""
    if "test_accuracy" not in state:
        recipe = recipe_of(state)
        raise CheckpointError(
            f"{path}: training stopped after {state['epoch']} of {recipe.all_epochs} epochs; finish it first: "
            f"{recipe.command}"
        )


def recipe_of(state: Dict[str, Any]) -> Recipe:
    return Recipe.from_settings(state["recipe_name"], state["recipe"])


def selected_network(state: Dict[str, Any]) -> nn.Module:
    """The network with the weights that validation selected, in evaluation mode."""
    if state["selected"] is None:
        raise CheckpointError(
            f"{state['recipe_name']}: stopped after epoch {state['epoch']}, while blocks were taught, with nothing to "
            "select yet; the same train command goes on"
        )
    network = new_network(recipe_of(state))
    network.load_state_dict(state["selected"]["network"])
    return network.eval()
