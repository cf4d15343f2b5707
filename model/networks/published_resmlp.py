"""The published checkpoints of ResMLP (PSA-Compress: h_*_model.bin, teacher_model.bin) as networks of ours.

A file is a dictionary of tensors. Their shapes and names tell the hidden width and the kind of activation
function.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Dict

import torch

from model.networks.activations import BSpline, LerpPSA
from model.networks.published_lst import PublishedCheckpointError, check, dictionary_of, some
from model.networks.resmlp import ResMLP

_NORM = ("weight", "bias", "running_mean", "running_var")
_PSA = {"m": "q_bias", "v": "v_weight", "w": "q_weight", "g": "o_weight", "beta": "o_bias"}
_SPLINE = {"values": "coefficients_vect"}
# Least and greatest value of the constants that every function of a file carries. Ours have them built in.
_PSA_CONSTANTS = {"epsilon": (1.0, 1.0), "grid": (-4.0, 4.0)}
_IGNORED = re.compile(r".*\.(psa\.grid_ifeat_offset|num_batches_tracked)")
_KNOTS = 64


def load_published_resmlp(path) -> ResMLP:
    """The network of a published checkpoint, in evaluation mode, for uint8 images."""
    tensors = dictionary_of(path)
    found = tensors.get("layers.0.layers.1.layers.2.weight")
    relu = found is not None
    if not relu:
        found = tensors.get("layers.0.layers.1.layers.3.weight")
    if found is None or found.dim() != 2 or not found.numel():
        raise PublishedCheckpointError(
            f"{path}: the layout of no published ResMLP; one has embed_linear, "
            f"layers.0.layers.1.layers.0 to 3 "
            f"and classifier, this file has {some(sorted(tensors))}"
        )
    lerp = any(".psa." in key for key in tensors)
    channels, hidden = found.shape
    make = None if relu else partial(LerpPSA if lerp else BSpline, per_channel=True)
    blocks = len({key.split(".")[1] for key in tensors if re.match(r"layers\.\d+\.", key)})
    network = ResMLP(hidden / channels, make, channels=channels, blocks=blocks)
    names = _names(blocks, {} if relu else _PSA if lerp else _SPLINE)
    ours = network.state_dict()
    expected = {theirs: _their_shape(name, ours[name]) for name, theirs in names.items()}
    for key, shape in list(expected.items()):  # each function of PSA has constants besides
        if key.endswith(".psa.v_weight"):
            stem = key[: -len("v_weight")]
            expected.update({f"{stem}epsilon": (1,), f"{stem}grid": (_KNOTS, shape[0])})
    check(path, {key: tensor for key, tensor in tensors.items() if not _IGNORED.fullmatch(key)}, expected)
    _check_constants(path, tensors)
    network.load_state_dict(
        {**ours, **{name: tensors[theirs].view(ours[name].shape) for name, theirs in names.items()}}
    )
    return network.eval()


def _names(blocks: int, function: Dict[str, str]) -> Dict[str, str]:
    """Our name of each tensor -> its name in a published file.

    function: the same for the tensors of one activation function.
    """
    names = {f"norm.{part}": f"affine.bn.{part}" for part in _NORM}
    linears = {"embed": "embed_linear", "head": "classifier"}
    expand, reduce = (1, 3) if function else (0, 2)
    for number in range(blocks):
        mixer, mlp = f"layers.{number}.layers.0", f"layers.{number}.layers.1"
        linears.update(
            {
                f"blocks.{number}.0.mix": f"{mixer}.layers",
                f"blocks.{number}.1.expand": f"{mlp}.layers.{expand}",
                f"blocks.{number}.1.reduce": f"{mlp}.layers.{reduce}",
            }
        )
        for part, theirs in ((0, mixer), (1, mlp)):
            names.update(
                {f"blocks.{number}.{part}.norm.{key}": f"{theirs}.affine_1.bn.{key}" for key in _NORM}
            )
            names.update(
                {
                    f"blocks.{number}.{part}.affine.scale": f"{theirs}.affine_2.weight",
                    f"blocks.{number}.{part}.affine.shift": f"{theirs}.affine_2.bias",
                }
            )
        inside = ".psa" if function is _PSA else ""
        for place, layer in (("before", 0), ("between", 2)):
            names.update(
                {
                    f"blocks.{number}.1.{place}.{key}": f"{mlp}.layers.{layer}{inside}.{theirs}"
                    for key, theirs in function.items()
                }
            )
    return {
        **names,
        **{
            f"{ours}.{part}": f"{theirs}.{part}"
            for ours, theirs in linears.items()
            for part in ("weight", "bias")
        },
    }


def _their_shape(name: str, tensor: torch.Tensor) -> tuple:
    """The shape that one of our tensors has in a published file.

    A file keeps all splines of a layer, and each of g and beta, in one dimension.
    """
    return (tensor.numel(),) if name.rsplit(".", 1)[-1] in ("values", "g", "beta") else tuple(tensor.shape)


def _check_constants(path, tensors: Dict[str, torch.Tensor]) -> None:
    for key, tensor in tensors.items():
        expected = _PSA_CONSTANTS.get(key.rsplit(".", 1)[-1]) if ".psa." in key else None
        if expected is not None and (tensor.min().item(), tensor.max().item()) != expected:
            raise PublishedCheckpointError(
                f"{path}: {key} must lie in {expected[0]:g}..{expected[1]:g}, as published"
            )
        if key.endswith("running_var") and (tensor < 0).any():
            raise PublishedCheckpointError(f"{path}: {key} must not be negative")
