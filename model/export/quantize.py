"""From a checkpoint to a network file, with post-training quantisation of a float network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from torch import nn

from lst_overlay.network import Network, classify, logits, save_network, with_golden
from model.quantized.families import FAMILIES, INT8, Format
from model.quantized.network import CALIBRATION_IMAGES, QuantizedNetwork
from model.training.checkpoint import (
    CheckpointError,
    check_finished,
    load_checkpoint,
    recipe_of,
    selected_network,
)
from model.training.data import Part, Split, load_split, load_test
from model.training.recipe import Recipe
from model.training.train import directory_of

__all__ = ["INT8", "golden_image", "integer_accuracy", "quantize_checkpoint"]


def quantize_checkpoint(checkpoint, out, fmt: Optional[Format] = None) -> Dict[str, Any]:
    """Write the network file of a checkpoint. Returns the figures that its provenance holds.

    fmt: the format of post-training quantisation, a QFormat or INT8; None for a checkpoint that was trained
        in integers.
    """
    state, out = load_checkpoint(checkpoint), Path(out)
    recipe, network = recipe_of(state), selected_network(state)
    check_finished(checkpoint, state)
    _check_format(checkpoint, network, fmt)
    if recipe.completed() != recipe:
        raise CheckpointError(
            f"{checkpoint}: {recipe.dataset} has changed since it was trained; train it again with --restart"
        )
    split = load_split(recipe.dataset)
    quantized = _quantized(network, fmt, split)
    exported = quantized.export(out.stem, {})
    ancestors = {kind: _quoted(state["ancestors"].get(kind)) for kind in ("parent", "teacher")}
    float_state = state["ancestors"]["parent"] if fmt is None else state
    provenance = {  # hashed, and therefore free of every path of this run; accuracies in percent
        "quantization": "quantization-aware" if fmt is None else f"post-training {fmt}",
        "command": _commands(state, recipe, out, fmt),
        "recipe": recipe.name,
        "recipe_settings": recipe.settings(),
        **ancestors,
        "seed": recipe.seed,
        "dataset": recipe.dataset,
        "device": state["device"],
        "torch": state["torch"],
        "selected_epoch": state["selected"]["epoch"],
        "accuracy_float": _percent(float_state["test_accuracy"]),
        "accuracy_validation": integer_accuracy(exported, split.validation),
        "accuracy_integer": integer_accuracy(exported, load_test(recipe.dataset)),
    }
    if recipe.own_data is not None:
        provenance["class_names"] = recipe.own_data.names
    if any(quantized.functions()):
        provenance["functions"] = quantized.functions()
    network = dataclasses.replace(exported, provenance=provenance)
    content = save_network(with_golden(network, golden_image(network.image_shape)), out)
    return {"file": out.name, "content_sha256": content, **provenance}


def _check_format(checkpoint, network: nn.Module, fmt: Optional[Format]) -> None:
    if isinstance(network, QuantizedNetwork):
        if fmt is not None:
            raise CheckpointError(f"{checkpoint}: already fake-quantised, takes no --format")
        return
    family = FAMILIES.get(getattr(network, "family", None))
    if family is None:
        raise CheckpointError(f"{checkpoint}: a network of kind {network.kind} has no form in integers")
    if fmt is None:
        raise CheckpointError(f"{checkpoint}: a float network, needs --format {family.formats}")
    if not family.accepts(fmt):
        raise CheckpointError(f"{checkpoint}: {family.title} needs --format {family.formats}, not {fmt}")


def _quantized(network: nn.Module, fmt: Optional[Format], split: Split) -> QuantizedNetwork:
    """The network as it was trained in integers, or a float network in the format."""
    if fmt is None:
        return network
    return FAMILIES[network.family].post_training(network, fmt, split.train.images[:CALIBRATION_IMAGES])


def golden_image(shape: Tuple[int, ...]) -> np.ndarray:
    """The image that a file keeps with its outputs: noise, because a picture of a data set has an owner."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def integer_accuracy(network: Network, part: Part) -> float:
    """Percent of the images that the integer reference classifies correctly."""
    classes = classify(logits(network, part.images.numpy()))
    return _percent(np.mean(classes == part.labels.numpy()))


def _percent(fraction: float) -> float:
    return round(100 * float(fraction), 4)


def _quoted(ancestor: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """What the provenance says of a parent or a teacher."""
    return ancestor and {key: ancestor[key] for key in ("recipe_name", "recipe")}


def _commands(state: Dict[str, Any], recipe: Recipe, out: Path, fmt: Optional[Format]) -> List[str]:
    """The commands that make the file from nothing in a checkout, or beside the user's own recipes.

    They name no place of this run: every training writes to its usual directory.
    """
    commands: List[str] = []
    for run in _lineage(state):
        command = Recipe.from_settings(run["recipe_name"], run["recipe"]).command
        commands += [command] if command not in commands else []
    checkpoint = (directory_of(recipe) / "checkpoint.pt").as_posix()
    format_option = f"--format {fmt} " if fmt else ""
    return commands + [f"python -m model quantize {checkpoint} {format_option}--out {out.name}"]


def _lineage(run: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The run and all its ancestors: of each run the teacher and the parent come before it."""
    lineage: List[Dict[str, Any]] = []
    for kind in ("teacher", "parent"):
        if kind in run["ancestors"]:
            lineage += _lineage(run["ancestors"][kind])
    return [*lineage, run]
