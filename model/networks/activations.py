"""Activations: one-dimensional functions, each a module, so that a network takes whichever it is given.

Every one computes in the precision of its input: float32 in training, float64 where a table is made. What the exporter needs
besides is `learned`, the numbers that make it what it is; `take` gives them back.
"""

from __future__ import annotations

from typing import List, Optional

import torch
from torch import nn

from model.kernels.interpolation import interpolate

REACH = 4.0  # a learned function's knots lie in -REACH .. REACH; tanh(4) = 0.9993


class Activation(nn.Module):
    """One function for all channels, or one for each. `tables` says how many there are."""

    tables = 1
    is_learned = False
    has_knots = False

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x: any shape, real -> the same shape and type."""
        raise NotImplementedError

    def added_to_identity(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x + f(x)."""
        return x + self(x, channel_axis)

    @torch.no_grad()
    def greatest(self) -> float:
        """Greatest absolute value on -4 .. 4, at least 0.001; of tanh 1, which it only approaches."""
        grid = torch.linspace(-REACH, REACH, 1025, device=next(self.parameters(), torch.zeros(0)).device)
        return max(self(grid.repeat(self.tables, 1), channel_axis=0).abs().max().item(), 1e-3)

    def learned(self) -> List[float]:
        """The numbers that training found, none for a fixed function."""
        return torch.cat(
            [parameter.detach().double().flatten() for parameter in self.parameters()] or [torch.zeros(0)]
        ).tolist()

    def take(self, learned: List[float]) -> None:
        """The inverse of `learned`."""
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
    """A learned function of one variable: knots that divide -4 .. 4 evenly, begun as tanh, held outside.

    For the hardware it costs what tanh costs: both are a table.
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

    PSA(x) = g sum_e a_e(x) v_e x + beta with a = softmax over e of -(x - m_e)^2 / (w_e^2 + 1): 3 x 8 + 2 numbers a function.
    """

    name = "psa"
    is_learned = True
    terms = 8

    def __init__(self, channels: int = 1, per_channel: bool = False):
        super().__init__()
        self.tables = channels if per_channel else 1
        # Slopes that fall with the distance from zero: the start is close to tanh, which is what the network is made for.
        m = torch.linspace(-REACH, REACH, self.terms)
        self.m = nn.Parameter(m.repeat(self.tables, 1))
        self.v = nn.Parameter((torch.tanh(m) / m).repeat(self.tables, 1))
        self.w = nn.Parameter(torch.ones(self.tables, self.terms))
        self.g = nn.Parameter(torch.ones(self.tables, 1))
        self.beta = nn.Parameter(torch.zeros(self.tables, 1))

    @torch.no_grad()
    def begin_in_residual(self, generator: Optional[torch.Generator] = None) -> PSA:
        """The published start of what is added to the identity: v ~ N(0, 4), m ~ U(-1, 1), w = 1, g = 1, beta = 0."""
        self.v.normal_(0.0, 4.0, generator=generator)
        self.m.uniform_(-1.0, 1.0, generator=generator)
        self.w.fill_(1.0), self.g.fill_(1.0), self.beta.zero_()
        return self

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """x: (tables or 1, N) -> (tables, N), in x's precision."""
        m, v, w = (numbers.to(x.dtype) for numbers in (self.m, self.v, self.w))
        distance = (x[:, None] - m[..., None]) ** 2 / (w**2 + 1.0)[
            ..., None
        ]  # (tables, terms, N): softmax is slow along short rows
        slope = torch.matmul(v[:, None], torch.softmax(-distance, dim=1))[:, 0]
        return self.g.to(x.dtype) * (slope * x) + self.beta.to(x.dtype)

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        if self.tables == 1:
            return self.values(x.reshape(1, -1)).view(x.shape)
        moved = x.movedim(channel_axis, 0)
        return self.values(moved.reshape(self.tables, -1)).view(moved.shape).movedim(0, channel_axis)


class LerpPSA(PSA):
    """PSA on a grid, linear between its knots and beyond them: a step costs the same however many terms there are."""

    name = "lerp_psa"
    has_knots = True

    def __init__(self, channels: int = 1, knots: int = 64, per_channel: bool = False):
        _check_knots("LERP-PSA", knots)
        super().__init__(channels, per_channel)
        self.knots = knots

    def knot_values(self) -> torch.Tensor:
        """(tables, knots) float64: the function where interpolation takes it exactly."""
        return self.values(self._grid()[None])

    def _grid(self) -> torch.Tensor:
        return torch.linspace(-REACH, REACH, self.knots, dtype=torch.float64, device=self.m.device)

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return interpolate(x, self.knot_values(), REACH, channel_axis=channel_axis, extrapolate=True)

    def added_to_identity(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        """x + f(x), the sum taken at the knots: the identity is linear, so it is the same between and beyond them."""
        return interpolate(
            x, self.knot_values() + self._grid(), REACH, channel_axis=channel_axis, extrapolate=True
        )


class BSpline(Activation):
    """A linear B-spline, free at each of its knots, continued in straight lines beyond them; begun as a leaky ReLU (slope 0.01).

    Bohra, Campos et al., IEEE OJSP 1, 2020. `total_variation`, times a small weight, belongs to the loss: it keeps the pieces few.
    """

    name = "b_spline"
    is_learned = has_knots = True

    def __init__(self, channels: int = 1, knots: int = 65, per_channel: bool = False):
        super().__init__()
        _check_knots("a B-spline", knots)
        self.tables = channels if per_channel else 1
        self.values = nn.Parameter(
            nn.functional.leaky_relu(torch.linspace(-REACH, REACH, knots), 0.01).repeat(self.tables, 1)
        )

    def total_variation(self) -> torch.Tensor:
        """Of the slope, summed over all functions: the sum of the absolute changes of slope at the knots."""
        spacing = 2 * REACH / (self.values.shape[1] - 1)
        return self.values.diff(n=2, dim=1).abs().sum() / spacing

    def forward(self, x: torch.Tensor, channel_axis: int) -> torch.Tensor:
        return interpolate(x, self.values, REACH, channel_axis=channel_axis, extrapolate=True)


def total_variation(network: nn.Module) -> torch.Tensor:
    """Of all B-splines in the network; 0 without one."""
    return sum(
        (module.total_variation() for module in network.modules() if isinstance(module, BSpline)),
        torch.zeros(()),
    )


def _check_knots(name: str, knots: int) -> None:
    if knots < 2:
        raise ValueError(f"{name} needs at least 2 knots, not {knots}")


ACTIVATIONS = {kind.name: kind for kind in (Tanh, ReLU, PiecewiseLinear, PSA, LerpPSA, BSpline)}
