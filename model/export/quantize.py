"""From a checkpoint to a network file: post-training to Qm.n, through fxpmath, or the export of a fake-quantised network."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any, Dict, Union

import numpy as np
import torch
from fxpmath import Fxp
from torch import nn

from lst_overlay.network import Network, QFormat, classify, logits, save_network
from lst_overlay.network import resmlp as int8
from lst_overlay.network.resmlp import Int8Network
from model.networks.lst import fold_normalization
from model.networks.resmlp import ResMLP
from model.quantized.lst import FakeQuantizedNetwork, round_down
from model.quantized.resmlp import CALIBRATION_IMAGES, Int8ResMLP
from model.training.checkpoint import (
    CheckpointError,
    check_finished,
    load_checkpoint,
    recipe_of,
    selected_network,
)
from model.training.data import Part, Split, load_split, load_test
from model.training.recipe import Recipe, Widths

PIXEL_BITS = 8  # post-training quantisation keeps the pixels whole
ROUNDINGS = ("nearest", "floor")
INT8 = "int8"  # ResMLP's format


def to_fxp(values, fmt: QFormat) -> Fxp:
    """Real values -> fxpmath numbers of the format, the only way from QFormat to Fxp.

    fxpmath cannot round ties up (its 'around' sends them to even), so it is given values that need no rounding.
    """
    return Fxp(
        fmt.dequantize(fmt.quantize(values)),
        signed=True,
        n_word=fmt.width,
        n_frac=fmt.frac_bits,
        rounding="floor",
        overflow="saturate",
    )


def from_fxp(number: Fxp) -> QFormat:
    """The format of an fxpmath number: 'fxp-s13/7' is Q6.7."""
    if not number.signed:
        raise ValueError(f"a QFormat is signed, {number.dtype} is not")
    return QFormat(number.n_word - number.n_frac, number.n_frac)


def fixed_point(network: nn.Module, fmt: QFormat) -> FakeQuantizedNetwork:
    """A trained float network -> the same, computing with weights and activations in the format; its real weights can be trained on.

    The steps stay what the format says. Biases are in the accumulator's unit.
    """
    quantized = FakeQuantizedNetwork.from_float(network, Widths(fmt.width, fmt.width, PIXEL_BITS))
    for layer in quantized.layers:
        layer.set_step(fmt.step)
        if layer.activation is not None and layer.add is None:
            layer.set_activation_step(fmt.step)
    for name, parameter in quantized.named_parameters():
        if name.endswith("_step"):
            parameter.requires_grad_(False)
    return quantized


def quantize_post_training(
    network: nn.Module, fmt: QFormat, rounding: str = "nearest"
) -> FakeQuantizedNetwork:
    """A trained float network -> the same with weights and activations in the format; biases in the accumulator's unit.

    rounding: "nearest" (ties up), or "floor", which truncates weights and table entries as a careless conversion does.
    """
    _check_rounding(rounding)
    quantized = fixed_point(network, fmt)
    for layer in quantized.layers:
        if rounding == "floor":
            layer.round = round_down
        else:
            layer.weight.data = torch.from_numpy(to_fxp(layer.weight.detach().numpy(), fmt).get_val()).to(
                layer.weight.dtype
            )
    return quantized.eval()


def quantize_weights(network: nn.Module, fmt: QFormat, rounding: str = "nearest") -> nn.Module:
    """A trained float network -> a copy whose weights have values of the format; biases and activations stay real.

    rounding: as for `quantize_post_training`, and with it the same weights.
    """
    _check_rounding(rounding)
    quantized = fold_normalization(copy.deepcopy(network))
    for stage in quantized.stages():
        weights = stage.linear.weight.detach().double().numpy()
        codes = fmt.quantize(weights) if rounding == "nearest" else np.floor(weights / fmt.step)
        stage.linear.weight.data = torch.from_numpy(codes.clip(-fmt.max_code, fmt.max_code) * fmt.step).to(
            stage.linear.weight.dtype
        )
    return quantized.eval()


def _check_rounding(rounding: str) -> None:
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be {' or '.join(ROUNDINGS)}, not {rounding!r}")


def quantize_checkpoint(checkpoint, out, fmt: Union[QFormat, str, None] = None) -> Dict[str, Any]:
    """Write the network file of a checkpoint. Returns the figures that its provenance holds.

    fmt: of post-training quantisation, a QFormat, or for ResMLP INT8; None for a checkpoint that was trained in integers.
    """
    state, out = load_checkpoint(checkpoint), Path(out)
    recipe, network = recipe_of(state), selected_network(state)
    check_finished(checkpoint, state)
    _check_format(checkpoint, network, fmt)
    split = load_split(recipe.dataset)
    quantized = _quantized(network, fmt, split)
    exported = quantized.export(out.stem, {})
    parent, teacher = state["ancestors"].get("parent"), state["ancestors"].get("teacher")
    float_state = parent if fmt is None else state
    provenance = {  # accuracies in percent
        "quantization": "quantization-aware" if fmt is None else f"post-training {fmt}",
        "command": _commands(state, Path(checkpoint), out, fmt),
        "recipe": recipe.name,
        "recipe_settings": recipe.settings(),
        "parent": {key: parent[key] for key in ("recipe_name", "recipe")} if parent else None,
        "teacher": {key: teacher[key] for key in ("recipe_name", "recipe")} if teacher else None,
        "seed": recipe.seed,
        "dataset": recipe.dataset,
        "device": state["device"],
        "torch": state["torch"],
        "selected_epoch": state["selected"]["epoch"],
        "accuracy_float": _percent(float_state["test_accuracy"]),
        "accuracy_validation": integer_accuracy(exported, split.validation),
        "accuracy_integer": integer_accuracy(exported, load_test(recipe.dataset)),
    }
    if isinstance(quantized, FakeQuantizedNetwork) and any(quantized.functions()):
        provenance["functions"] = quantized.functions()
    content = _save(dataclasses.replace(exported, provenance=provenance), out)
    return {"file": out.name, "content_sha256": content, **provenance}


def _check_format(checkpoint, network: nn.Module, fmt: Union[QFormat, str, None]) -> None:
    wanted = INT8 if isinstance(network, (ResMLP, Int8ResMLP)) else "Qm.n, such as Q6.7"
    if isinstance(network, (FakeQuantizedNetwork, Int8ResMLP)):
        if fmt is not None:
            raise CheckpointError(f"{checkpoint}: already fake-quantised, takes no --format")
    elif fmt is None:
        raise CheckpointError(f"{checkpoint}: a float network, needs --format {wanted}")
    elif (fmt == INT8) != (wanted == INT8):
        raise CheckpointError(
            f"{checkpoint}: {'ResMLP' if wanted == INT8 else 'the LST family'} needs --format {wanted}, not {fmt}"
        )


def _quantized(
    network: nn.Module, fmt: Union[QFormat, str, None], split: Split
) -> Union[FakeQuantizedNetwork, Int8ResMLP]:
    """The network in integers: as it was trained, or in the format."""
    if fmt is None:
        return network
    if fmt == INT8:
        return Int8ResMLP(network).calibrate(split.train.images[:CALIBRATION_IMAGES])
    return quantize_post_training(network, fmt)


def golden_image() -> np.ndarray:
    """(32, 32, 3) uint8: what goes with an INT8 network to check other implementations by. Noise: pictures have owners."""
    return np.random.default_rng(0).integers(0, 256, ResMLP.image_shape, dtype=np.uint8)


def integer_accuracy(network: Union[Network, Int8Network], part: Part) -> float:
    """Percent of the images that the integer reference classifies correctly."""
    found = (int8.logits if isinstance(network, Int8Network) else logits)(network, part.images.numpy())
    return _percent(np.mean(classify(found) == part.labels.numpy()))


def _save(network: Union[Network, Int8Network], out: Path) -> str:
    if isinstance(network, Int8Network):
        return int8.save_network(
            dataclasses.replace(network, golden=int8.golden(network, golden_image())), out
        )
    return save_network(network, out)


def _percent(fraction: float) -> float:
    return round(100 * float(fraction), 4)


def _commands(state: Dict[str, Any], checkpoint: Path, out: Path, fmt: Union[QFormat, str, None]) -> list:
    """What made the file, from nothing, in a checkout. A checkpoint that is not below the present directory is named without its own."""
    commands: list = []
    for run in _lineage(state):
        command = Recipe.from_settings(run["recipe_name"], run["recipe"]).command
        commands += [command] if command not in commands else []
    checkpoint = checkpoint if not checkpoint.is_absolute() else Path(checkpoint.name)
    format_option = f"--format {fmt} " if fmt else ""
    return commands + [f"python -m model quantize {checkpoint.as_posix()} {format_option}--out {out.name}"]


def _lineage(run: Dict[str, Any]) -> list:
    """The run and those it came from, teachers and parents first."""
    return [
        ancestor
        for kind in ("teacher", "parent")
        if kind in run["ancestors"]
        for ancestor in _lineage(run["ancestors"][kind])
    ] + [run]
