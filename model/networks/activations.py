"""Activation functions. Each is a module with the same interface, so that a network can have any of them.

They compute in the precision of their input: float32 in training, float64 when a table is made. `learned`
gives the coefficients that training found, which a network file keeps, and `take` restores them.
"""

from __future__ import annotations

from typing import List, Optional

import torch
from torch import nn

from model.kernels.interpolation import interpolate

REACH = 4.0  # a learned function's knots lie in -REACH .. REACH; tanh(4) = 0.9993


class Activation(nn.Module):
    """One function for all channels, or one for each.

    tables: how many functions there are. is_learned: whether training changes them. has_knots: whether they
    lie on a grid.
    replaces_identity: whether a residual network puts the function in place of the identity, instead of
    adding it.
    """

    tables = 1
    is_learned = False
    has_knots = False
    replaces_identity = False

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x: any shape, real -> the same shape and type."""
        raise NotImplementedError

    def added_to_identity(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x + f(x)."""
        return x + self(x, channel_axis)

    @torch.no_grad()
    def greatest(self) -> float:
        """The greatest absolute value on -4 .. 4, at least 0.001; for tanh its limit, 1."""
        grid = torch.linspace(-REACH, REACH, 1025, device=next(self.parameters(), torch.zeros(0)).device)
        return max(self(grid.repeat(self.tables, 1), channel_axis=0).abs().max().item(), 1e-3)

    def learned(self) -> List[float]:
        """The coefficients that training found. A fixed function has none."""
        return torch.cat(
            [parameter.detach().double().flatten() for parameter in self.parameters()] or [torch.zeros(0)]
        ).tolist()

    def take(self, learned: List[float]) -> None:
        """Set the coefficients to what `learned` gave."""
        numbers = torch.tensor(learned, dtype=torch.float64)
        for parameter, part in zip(
            self.parameters(), numbers.split([parameter.numel() for parameter in self.parameters()])
        ):
            parameter.data.copy_(part.view(parameter.shape))


class Tanh(Activation):
    name = "tanh"

    def __init__(self, channels: int = 1):
        super().__init__()

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return torch.tanh(x)

    def greatest(self) -> float:
        return 1.0


class ReLU(Activation):
    name = "relu"

    def __init__(self, channels: int = 1):
        super().__init__()

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return torch.relu(x)


class PiecewiseLinear(Activation):
    """A learned function, linear between knots at equal distances and constant outside -4 .. 4.

    It starts as tanh. In hardware it costs what tanh costs, for both are a table.
    """

    name = "piecewise_linear"
    is_learned = has_knots = True

    def __init__(self, channels: int = 1, knots: int = 33, per_channel: bool = False):
        super().__init__()
        _check_knots("a piecewise linear function", knots)
        self.tables = channels if per_channel else 1
        self.values = nn.Parameter(torch.tanh(torch.linspace(-REACH, REACH, knots)).repeat(self.tables, 1))

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return interpolate(x, self.values, REACH, channel_axis=channel_axis)


class PSA(Activation):
    """Parametric softmax activation (Singh, Bazargan: ACM TRETS 18(2) 21, 2025), computed as it is defined.

    PSA(x) = g sum_e a_e(x) v_e x + beta, a being the softmax over e of -(x - m_e)^2 / (w_e^2 + 1). With eight
    terms a function has 3 x 8 + 2 coefficients.
    """

    name = "psa"
    is_learned = True
    terms = 8

    def __init__(self, channels: int = 1, per_channel: bool = False):
        super().__init__()
        self.tables = channels if per_channel else 1
        # The slopes fall with the distance from zero, so that the function starts close to tanh.
        m = torch.linspace(-REACH, REACH, self.terms)
        self.m = nn.Parameter(m.repeat(self.tables, 1))
        self.v = nn.Parameter((torch.tanh(m) / m).repeat(self.tables, 1))
        self.w = nn.Parameter(torch.ones(self.tables, self.terms))
        self.g = nn.Parameter(torch.ones(self.tables, 1))
        self.beta = nn.Parameter(torch.zeros(self.tables, 1))

    @torch.no_grad()
    def begin_in_residual(self, generator: Optional[torch.Generator] = None) -> PSA:
        """The published start of a function that is added to the identity.

        v ~ N(0, 4), m ~ U(-1, 1), w = 1, g = 1, beta = 0.
        """
        self.v.normal_(0.0, 4.0, generator=generator)
        self.m.uniform_(-1.0, 1.0, generator=generator)
        self.w.fill_(1.0), self.g.fill_(1.0), self.beta.zero_()
        return self

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """x: (tables or 1, N) -> (tables, N), in x's precision."""
        m, v, w = (numbers.to(x.dtype) for numbers in (self.m, self.v, self.w))
        # (tables, terms, N) in this order, for softmax is slow along short rows
        distance = (x[:, None] - m[..., None]) ** 2 / (w**2 + 1.0)[..., None]
        slope = torch.matmul(v[:, None], torch.softmax(-distance, dim=1))[:, 0]
        return self.g.to(x.dtype) * (slope * x) + self.beta.to(x.dtype)

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        if self.tables == 1:
            return self.values(x.reshape(1, -1)).view(x.shape)
        moved = x.movedim(channel_axis, 0)
        return self.values(moved.reshape(self.tables, -1)).view(moved.shape).movedim(0, channel_axis)


class LerpPSA(PSA):
    """PSA at the knots of a grid, and linear between and beyond them.

    A training step costs the same whatever the number of terms.
    """

    name = "lerp_psa"
    has_knots = True

    def __init__(self, channels: int = 1, knots: int = 64, per_channel: bool = False):
        _check_knots("LERP-PSA", knots)
        super().__init__(channels, per_channel)
        self.knots = knots

    def knot_values(self) -> torch.Tensor:
        """(tables, knots) float64: the values of PSA at the knots."""
        return self.values(self._grid()[None])

    def _grid(self) -> torch.Tensor:
        return torch.linspace(-REACH, REACH, self.knots, dtype=torch.float64, device=self.m.device)

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return interpolate(x, self.knot_values(), REACH, channel_axis=channel_axis, extrapolate=True)

    def added_to_identity(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x + f(x), summed at the knots: the identity is linear, so that interpolation adds it elsewhere."""
        return interpolate(
            x, self.knot_values() + self._grid(), REACH, channel_axis=channel_axis, extrapolate=True
        )


class BSpline(Activation):
    """A linear B-spline: a learned value at each knot, linear between and beyond them.

    It starts as a leaky ReLU of slope 0.01.

    Bohra, Campos et al., IEEE OJSP 1, 2020. `total_variation` times a small weight is part of the loss, and
    keeps the function close to one of few linear pieces.
    """

    name = "b_spline"
    is_learned = has_knots = replaces_identity = True

    def __init__(self, channels: int = 1, knots: int = 65, per_channel: bool = False):
        super().__init__()
        _check_knots("a B-spline", knots)
        self.tables = channels if per_channel else 1
        self.values = nn.Parameter(
            nn.functional.leaky_relu(torch.linspace(-REACH, REACH, knots), 0.01).repeat(self.tables, 1)
        )

    def total_variation(self) -> torch.Tensor:
        """The sum of the absolute changes of slope at the knots, over all functions."""
        spacing = 2 * REACH / (self.values.shape[1] - 1)
        return self.values.diff(n=2, dim=1).abs().sum() / spacing

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return interpolate(x, self.values, REACH, channel_axis=channel_axis, extrapolate=True)


def splines_of(network: nn.Module) -> List[BSpline]:
    """All B-splines in the network, in the order of its modules."""
    return [module for module in network.modules() if isinstance(module, BSpline)]


def total_variation(network: nn.Module) -> torch.Tensor:
    """The sum of the total variations of all B-splines in the network; 0 without one."""
    return sum((spline.total_variation() for spline in splines_of(network)), torch.zeros(()))


def _check_knots(name: str, knots: int) -> None:
    if knots < 2:
        raise ValueError(f"{name} needs at least 2 knots, not {knots}")


ACTIVATIONS = {kind.name: kind for kind in (Tanh, ReLU, PiecewiseLinear, PSA, LerpPSA, BSpline)}
