"""The networks. All take uint8 images, as the hardware does, and return real logits.

Inside an LST network tensors have the shape (columns, N, rows). In that order a transform is two plain matrix products, nothing
is transposed, and what leaves one transform can enter the next.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

from lst_overlay.network import Axis
from model.networks.activations import Tanh

NewActivation = Callable[[int], nn.Module]  # from the number of channels


class Stage(NamedTuple):
    """One layer of a network in the order of computation; add is the number of the stage whose output is added to this one's."""

    axis: Axis
    linear: nn.Linear
    activation: Optional[nn.Module]
    add: Optional[int] = None


def pixel_values(images: torch.Tensor, bits: int = 8) -> torch.Tensor:
    """uint8 pixels p -> float32 x = (c + 1/2) / 2**(bits - 1) - 1 with c = p >> (8 - bits): symmetric about zero."""
    codes = torch.bitwise_right_shift(images, 8 - bits).float()
    return codes.add_(0.5).mul_(2.0 ** (1 - bits)).sub_(1.0)


def columns_first(images: torch.Tensor) -> torch.Tensor:
    """(N, rows, columns) -> (columns, N, rows), contiguous."""
    return images.permute(2, 0, 1).contiguous()


def flatten(x: torch.Tensor) -> torch.Tensor:
    """(columns, N, rows) -> (N, rows * columns), row-major as the papers number it: Y[p, o] is number p * columns + o."""
    return x.permute(1, 2, 0).flatten(1)


class LST(nn.Module):
    """The learned separable transform: one fully connected layer shared by all rows, then one shared by all columns.

    (d_in, N, d_in) -> (d_out, N, d_out), real, both (columns, N, rows); 2 (d_in + 1) d_out parameters and the activations'.
    dropout: the published networks' place for it, before each activation and on the logits. normalize: batch normalisation of every
    channel before its activation, which `stages` puts into the weights.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
    ):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.rows = _dense(d_in, d_out)
        self.rows_norm = nn.BatchNorm1d(d_out) if normalize else None
        self.rows_activation = activation(d_out)
        self.columns = _dense(d_in, d_out)
        self.columns_norm = nn.BatchNorm1d(d_out) if normalize else None
        self.columns_activation = activation(d_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = torch.addmm(self.rows.bias[:, None], self.rows.weight, x.flatten(1))  # (o, N r)
        if self.rows_norm is not None:
            rows = self.rows_norm(rows[None]).squeeze(0)
        h = self.rows_activation(self.dropout(rows.view(-1, *x.shape[1:])), channel_axis=0)  # (o, N, r)
        columns = self.columns(h)  # (o, N, p)
        if self.columns_norm is not None:
            columns = self.columns_norm(columns.flatten(0, 1)).view_as(columns)
        return self.columns_activation(self.dropout(columns), channel_axis=2)

    def stages(self) -> List[Stage]:
        return [
            Stage(Axis.ROWS, _folded(self.rows, self.rows_norm), self.rows_activation),
            Stage(Axis.COLUMNS, _folded(self.columns, self.columns_norm), self.columns_activation),
        ]


class LST1(nn.Module):
    """LST, flatten, classifier: 9,474 parameters at 28x28 and ten classes.

    images: (N, d_in, d_in) uint8 -> (N, classes) real logits.
    """

    family = "lst"
    kind = "LST-1"
    transforms = 1

    def __init__(
        self,
        d_in: int = 28,
        d_out: int = 28,
        classes: int = 10,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
    ):
        super().__init__()
        self.image_shape = (d_in, d_in)
        self.lst = nn.ModuleList(
            LST(d_in if number == 0 else d_out, d_out, activation, dropout, normalize)
            for number in range(self.transforms)
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = _dense(d_out * d_out, classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(columns, N, rows) pixel values -> (d_out, N, d_out): what the classifier sees."""
        for lst in self.lst:
            x = lst(x)
        return x

    def stages(self) -> List[Stage]:
        return [stage for lst in self.lst for stage in lst.stages()] + [
            Stage(Axis.DENSE, self.classifier, None)
        ]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.classifier(flatten(self.features(pixel_values(columns_first(images))))))


class LST2(LST1):
    """Two transforms, one after the other: 11,098 parameters."""

    kind = "LST-2"
    transforms = 2


class ResLST3(LST1):
    """Three transforms, the second and third bridged: z = LST(x), FC(flatten(LST(LST(z)) + z)). 12,722 parameters."""

    kind = "ResLST-3"
    transforms = 3

    def features(self, x: torch.Tensor) -> torch.Tensor:
        first, second, third = self.lst
        z = first(x)
        return third(second(z)) + z

    def stages(self) -> List[Stage]:
        stages = super().stages()
        stages[5] = stages[5]._replace(add=1)  # the columns of the third transform, and those of the first
        return stages


class MLP(nn.Module):
    """The papers' baselines: fully connected layers, 784-10 (7,850 parameters) or 784-40-10 (31,810)."""

    family = "lst"
    kind = "MLP"

    def __init__(
        self,
        hidden: Tuple[int, ...] = (),
        d_in: int = 28,
        classes: int = 10,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
    ):
        super().__init__()
        self.image_shape = (d_in, d_in)
        self.dropout = nn.Dropout(dropout)
        widths = (d_in * d_in,) + tuple(hidden)
        self.hidden = nn.ModuleList(_dense(fan_in, fan_out) for fan_in, fan_out in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) if normalize else nn.Identity() for width in hidden)
        self.activations = nn.ModuleList(activation(width) for width in hidden)
        self.classifier = _dense(widths[-1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = pixel_values(images).flatten(1)
        for layer, norm, activation in zip(self.hidden, self.norms, self.activations):
            x = activation(self.dropout(norm(layer(x))), channel_axis=1)
        return self.dropout(self.classifier(x))

    def stages(self) -> List[Stage]:
        hidden = [
            Stage(Axis.DENSE, _folded(layer, norm if isinstance(norm, nn.BatchNorm1d) else None), activation)
            for layer, norm, activation in zip(self.hidden, self.norms, self.activations)
        ]
        return hidden + [Stage(Axis.DENSE, self.classifier, None)]


def parameters_of(network: nn.Module) -> int:
    """What a trained network consists of: weights, biases, and the numbers of learned functions; normalisation is in the weights."""
    if not hasattr(network, "stages"):
        return sum(parameter.numel() for parameter in network.parameters())
    return sum(
        parameter.numel()
        for stage in network.stages()
        for module in (stage.linear, stage.activation)
        if module is not None
        for parameter in module.parameters()
    )


def fold_normalization(network: nn.Module) -> nn.Module:
    """Put normalisation into the weights for good, as `stages` does for a moment. Changes the network and returns it."""
    for module in network.modules():
        if isinstance(module, LST):
            module.rows, module.rows_norm = _folded(module.rows, module.rows_norm), None
            module.columns, module.columns_norm = _folded(module.columns, module.columns_norm), None
        elif isinstance(module, MLP):
            module.hidden = nn.ModuleList(stage.linear for stage in module.stages()[:-1])
            module.norms = nn.ModuleList(nn.Identity() for _ in module.hidden)
    return network


@torch.no_grad()
def _folded(linear: nn.Linear, norm: Optional[nn.BatchNorm1d]) -> nn.Linear:
    """The one layer that computes norm(linear(x)) in evaluation; `linear` itself where there is no normalisation."""
    if norm is None:
        return linear
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = nn.Linear(
        linear.in_features, linear.out_features, device=linear.weight.device, dtype=linear.weight.dtype
    )
    folded.weight.copy_(linear.weight * gain[:, None])
    folded.bias.copy_((linear.bias - norm.running_mean) * gain + norm.bias)
    return folded


def _dense(fan_in: int, fan_out: int) -> nn.Linear:
    """A fully connected layer, Glorot's weights and no bias at the start."""
    layer = nn.Linear(fan_in, fan_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


NETWORKS = {
    "lst1": LST1,
    "lst2": LST2,
    "reslst3": ResLST3,
    "784-10": partial(MLP, ()),
    "784-40-10": partial(MLP, (40,)),
}
