"""The published checkpoints of the LST networks, LST_*.pth, as networks of ours.

A layout is recognised by its keys. Code in a file is never run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import torch
from torch import nn

from model.networks.lst import LST1, LST2, ResLST3
from model.networks.torch_file import CheckpointError, load_tensors

# The published input is (p / 255 - 0.5) / 0.5 = (2 p - 255) / 255, ours is (2 p - 255) / 256.
INPUT_SCALE = 256 / 255
SUFFIX = ".pth"
_NETWORKS = {("L2DST",): LST1, ("L2DST_1", "L2DST_2"): LST2, ("L2DST_1", "L2DST_2", "L2DST_3"): ResLST3}
_CLASSIFIER = "W_o"


class PublishedCheckpointError(CheckpointError):
    """The file is not a published checkpoint of a known layout."""


def load_published(path) -> nn.Module:
    """The LST-1, LST-2 or ResLST-3 of a published checkpoint, in evaluation mode, for uint8 images."""
    path = Path(path)
    tensors = dictionary_of(path)
    transforms = sorted({key.split(".")[0] for key in tensors} - {_CLASSIFIER})
    kind = _NETWORKS.get(tuple(transforms))
    if kind is None:
        raise PublishedCheckpointError(
            f"{path}: the layout of no published network; LST-1 has L2DST and W_o, LST-2 L2DST_1 and 2, "
            f"ResLST-3 L2DST_1 to 3, this file has {some(sorted(tensors))}"
        )
    network = kind()
    names = [name for transform in transforms for name in (f"{transform}.dense1", f"{transform}.dense2")] + [
        _CLASSIFIER
    ]
    linears = [stage.linear for stage in network.stages()]
    check(
        path,
        tensors,
        {
            f"{name}.{part}": tuple(getattr(linear, part).shape)
            for name, linear in zip(names, linears)
            for part in ("weight", "bias")
        },
    )
    for name, linear in zip(names, linears):
        linear.weight.data.copy_(tensors[f"{name}.weight"])
        linear.bias.data.copy_(tensors[f"{name}.bias"])
    linears[0].weight.data.mul_(INPUT_SCALE)
    return network.eval()


def dictionary_of(path) -> Dict[str, torch.Tensor]:
    """The tensors of a published checkpoint by their names. Loads tensors only, never code."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    complaint = "not a dictionary of tensors, or damaged ({}); code in a file is never run"
    state = load_tensors(path, complaint, PublishedCheckpointError)
    if not isinstance(state, dict) or not state:
        found = "nothing" if isinstance(state, dict) else f"a {type(state).__name__}"
        raise PublishedCheckpointError(f"{path}: holds {found}, not a dictionary of tensors")
    others = [
        str(key)
        for key, value in state.items()
        if not (isinstance(key, str) and isinstance(value, torch.Tensor))
    ]
    if others:
        raise PublishedCheckpointError(f"{path}: not a published checkpoint: {some(others)} is no tensor")
    return state


def check(path, tensors: Dict[str, torch.Tensor], expected: Dict[str, tuple]) -> None:
    """PublishedCheckpointError unless the tensors have these names and shapes and are finite real numbers."""
    missing, unknown = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        raise PublishedCheckpointError(
            f"{path}: "
            + " and ".join(
                [f"lacks {some(missing)}"] * bool(missing)
                + [f"has an unknown {some(unknown)}"] * bool(unknown)
            )
        )
    for key, shape in expected.items():
        if tuple(tensors[key].shape) != shape:
            raise PublishedCheckpointError(
                f"{path}: {key} must have shape {shape}, not {tuple(tensors[key].shape)}"
            )
        if not (tensors[key].is_floating_point() and torch.isfinite(tensors[key]).all()):
            raise PublishedCheckpointError(f"{path}: {key} must hold finite real numbers")


def some(names: List[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
