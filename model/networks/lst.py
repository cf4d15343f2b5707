"""The LST networks and the fully connected baselines.

All take uint8 images, as the hardware does, and return real logits.

Inside an LST network, tensors have the shape (columns, N, rows). With this order of axes a transform is two
plain matrix products without a transposition, and the output of one transform can be the input of the next.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

from lst_overlay.network import Axis
from lst_overlay.network.lst.layers import vectors_shape
from model.networks.activations import Tanh

NewActivation = Callable[[int], nn.Module]  # from the number of channels
Shape = Tuple[int, int]  # rows and columns


class Stage(NamedTuple):
    """One layer of a network; a network lists its layers in the order of computation.

    add: the number of the stage whose output is added to the output of this one.
    """

    axis: Axis
    linear: nn.Linear
    activation: Optional[nn.Module]
    add: Optional[int] = None


def pixel_values(images: torch.Tensor, bits: int = 8) -> torch.Tensor:
    """uint8 pixels p -> float32 x = (c + 1/2) / 2**(bits - 1) - 1, where c = p >> (8 - bits).

    The values are symmetric about zero.
    """
    codes = torch.bitwise_right_shift(images, 8 - bits).float()
    return codes.add_(0.5).mul_(2.0 ** (1 - bits)).sub_(1.0)


def columns_first(images: torch.Tensor, rows_per_vector: int = 1) -> torch.Tensor:
    """(N, rows, columns) -> (columns, N, rows), contiguous; n rows per vector: (n columns, N, rows / n)."""
    shape = vectors_shape(images.shape[1:], rows_per_vector)
    return images.reshape(len(images), *shape).permute(2, 0, 1).contiguous()


def flatten(x: torch.Tensor) -> torch.Tensor:
    """(columns, N, rows) -> (N, rows * columns), row-major as in the papers.

    Y[p, o] has the index p * columns + o.
    """
    return x.permute(1, 2, 0).flatten(1)


class LST(nn.Module):
    """The learned separable transform: a fully connected layer for all rows, then one for all columns.

    d_in, d_out: the rows and columns of what enters and of what leaves. Tensors are (columns, N, rows).
    dropout: the probability; as published it acts before each activation.
    normalize: batch normalisation of each channel before its activation, which `stages` folds into the
    weights.
    """

    def __init__(
        self,
        d_in: Shape,
        d_out: Shape,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
    ):
        super().__init__()
        (rows, columns), (rows_out, columns_out) = d_in, d_out
        self.dropout = nn.Dropout(dropout)
        self.rows = _dense(columns, columns_out)
        self.rows_norm = nn.BatchNorm1d(columns_out) if normalize else None
        self.rows_activation = activation(columns_out)
        self.columns = _dense(rows, rows_out)
        self.columns_norm = nn.BatchNorm1d(rows_out) if normalize else None
        self.columns_activation = activation(rows_out)

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

    def fold_normalization(self) -> None:
        """Fold the normalisation into the weights for good."""
        self.rows, self.rows_norm = _folded(self.rows, self.rows_norm), None
        self.columns, self.columns_norm = _folded(self.columns, self.columns_norm), None


class LST1(nn.Module):
    """One transform and a classifier: 9,474 parameters for images of 28 x 28 pixels and ten classes.

    images: (N, *image_shape) uint8 -> (N, classes) real logits.
    d_out: the rows and columns of the output of each transform.
    rows_per_vector: how many rows of an image, side by side, are one row of what enters the first transform.
    """

    family = "lst"
    kind = "LST-1"
    transforms = 1

    def __init__(
        self,
        image_shape: Shape = (28, 28),
        d_out: Shape = (28, 28),
        classes: int = 10,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
        rows_per_vector: int = 1,
    ):
        super().__init__()
        self.image_shape, self.rows_per_vector = image_shape, rows_per_vector
        d_in = vectors_shape(image_shape, rows_per_vector)
        self.lst = nn.ModuleList(
            LST(d_in if number == 0 else d_out, d_out, activation, dropout, normalize)
            for number in range(self.transforms)
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = _dense(d_out[0] * d_out[1], classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Pixel values (columns, N, rows) -> the input of the classifier, (columns, N, rows) of d_out."""
        for lst in self.lst:
            x = lst(x)
        return x

    def stages(self) -> List[Stage]:
        return [stage for lst in self.lst for stage in lst.stages()] + [
            Stage(Axis.DENSE, self.classifier, None)
        ]

    def fold_normalization(self) -> LST1:
        """Fold the normalisation into the weights for good. Returns the network."""
        for lst in self.lst:
            lst.fold_normalization()
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = pixel_values(columns_first(images, self.rows_per_vector))
        return self.dropout(self.classifier(flatten(self.features(x))))


class LST2(LST1):
    """Two transforms, one after the other: 11,098 parameters."""

    kind = "LST-2"
    transforms = 2


class ResLST3(LST1):
    """Three transforms with a residual connection around the last two: 12,722 parameters.

    z = LST(x), logits = classifier(flatten(LST(LST(z)) + z)).
    """

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
    """The fully connected baselines of the papers: 784-10 has 7,850 parameters, 784-40-10 has 31,810."""

    family = "lst"
    kind = "MLP"
    rows_per_vector = 1

    def __init__(
        self,
        hidden: Tuple[int, ...] = (),
        image_shape: Shape = (28, 28),
        classes: int = 10,
        activation: NewActivation = Tanh,
        dropout: float = 0.0,
        normalize: bool = False,
    ):
        super().__init__()
        self.image_shape = image_shape
        self.dropout = nn.Dropout(dropout)
        widths = (image_shape[0] * image_shape[1], *hidden)
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

    def fold_normalization(self) -> MLP:
        """Fold the normalisation into the weights for good. Returns the network."""
        self.hidden = nn.ModuleList(stage.linear for stage in self.stages()[:-1])
        self.norms = nn.ModuleList(nn.Identity() for _ in self.hidden)
        return self


def parameters_of(network: nn.Module) -> int:
    """The number of a trained network's weights, biases and coefficients of learned functions.

    Normalisation does not count where `stages` folds it into the weights.
    """
    if not hasattr(network, "stages"):
        return sum(parameter.numel() for parameter in network.parameters())
    return sum(
        parameter.numel()
        for stage in network.stages()
        for module in (stage.linear, stage.activation)
        if module is not None
        for parameter in module.parameters()
    )


@torch.no_grad()
def _folded(linear: nn.Linear, norm: Optional[nn.BatchNorm1d]) -> nn.Linear:
    """One layer that computes norm(linear(x)) as in evaluation mode; without a norm, `linear` itself."""
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
    """A fully connected layer that starts with Glorot's weights and biases of zero."""
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
