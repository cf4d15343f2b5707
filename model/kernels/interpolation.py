"""Piecewise linear functions, y = intercept[i] + slope[i] x on piece i: the kernel of learned activations.

On the CPU Numba compiles the kernel, which makes one pass over the data forward and one backward. That is ten
times as fast as the same in torch's own operations, which do the work on other devices.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Tuple

import numba
import numpy as np
import torch
from numba.extending import overload


class _Piecewise(torch.autograd.Function):
    """lines: (tables, pieces, 2) float32, or float64 as x: intercept and slope, side by side in memory.

    Their gradients are two weighted histograms over the pieces.
    """

    @staticmethod
    def forward(ctx, x, lines, low, spacing, channel_axis):
        ctx.shape = split_at(x.shape, channel_axis) if len(lines) > 1 else (1, 1, x.numel())
        x, lines = x.contiguous(), lines.contiguous()
        ctx.save_for_backward(x, lines)
        ctx.low, ctx.spacing = low, spacing
        if compiled(x):
            y = torch.empty_like(x)
            _forward(_array(x, ctx.shape), lines.numpy(), _array(y, ctx.shape), low, spacing)
            return y
        numbers = x.view(ctx.shape).to(lines.dtype)
        intercept, slope = lines.flatten(0, 1)[_places(numbers, low, spacing, lines.shape[1])].unbind(-1)
        return (intercept + slope * numbers).to(x.dtype).view(x.shape)

    @staticmethod
    def backward(ctx, gradient):
        x, lines = ctx.saved_tensors
        gradient = gradient.contiguous()
        if compiled(x):
            of_x, of_lines = torch.empty_like(x), np.zeros(lines.shape)
            arrays = (_array(tensor, ctx.shape) for tensor in (gradient, of_x))
            _backward(_array(x, ctx.shape), lines.numpy(), *arrays, of_lines, ctx.low, ctx.spacing)
            return of_x, torch.from_numpy(of_lines).to(lines.dtype), None, None, None
        numbers, of_y = (tensor.view(ctx.shape).to(lines.dtype) for tensor in (x, gradient))
        place = _places(numbers, ctx.low, ctx.spacing, lines.shape[1])
        of_x = (of_y * lines[..., 1].flatten()[place]).to(x.dtype).view(x.shape)
        of_lines = torch.stack(
            [histogram(place, weights, lines[..., 0]) for weights in (of_y, of_y * numbers)], -1
        )
        return of_x, of_lines.to(lines.dtype), None, None, None


def _array(tensor: torch.Tensor, shape: Tuple[int, int, int]) -> np.ndarray:
    """The tensor's memory for the compiled kernels: NumPy has no bfloat16, whose bits are given as uint16."""
    tensor = tensor.view(shape)
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy()
    return tensor.numpy()


def interpolate(
    x: torch.Tensor, values: torch.Tensor, reach: float, *, channel_axis: int = -1, extrapolate: bool = False
) -> torch.Tensor:
    """Linear interpolation between knots at equal distances in -reach .. reach.

    x: any shape, which is also that of the result. bfloat16 is computed in float32 and rounded once.
    values: (tables, knots) at the knots. There is one table for all channels, or one for each.
    extrapolate: continue the first and the last piece outside the range, instead of holding their end values.
    ValueError for fewer than two knots and for an empty range.
    """
    tables, knots = values.shape
    if knots < 2:
        raise ValueError(f"interpolation needs at least 2 knots, not {knots}")
    if not 0 < reach < math.inf:
        raise ValueError(
            f"the knots' range -reach .. reach is empty or has no end: "
            f"reach must be positive and finite, is {reach}"
        )
    if tables > 1 and tables != x.shape[channel_axis]:
        raise ValueError(f"{tables} functions for {x.shape[channel_axis]} channels")
    values = values.to(torch.float32 if x.dtype == torch.bfloat16 else x.dtype)
    spacing = 2 * reach / (knots - 1)
    inner = values.diff(dim=1) / spacing
    if extrapolate:
        slope = torch.cat([inner[:, :1], inner, inner[:, -1:]], dim=1)
    else:
        slope = torch.nn.functional.pad(inner, (1, 1))
    # Piece i > 0 begins at knot i - 1; the piece before the first knot ends there.
    begin = torch.linspace(-reach, reach, knots, dtype=torch.float64, device=x.device).to(values.dtype)
    intercept = torch.cat([values[:, :1], values], dim=1) - slope * torch.cat([begin[:1], begin])
    return _Piecewise.apply(x, torch.stack([intercept, slope], -1), -reach, spacing, channel_axis)


def compiled(x: torch.Tensor) -> bool:
    """Whether Numba does the work. Tests replace this function, to run torch's own operations on the CPU."""
    return x.device.type == "cpu"


def histogram(place: torch.Tensor, weights: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The sum of the weights at each place of a flattened tensor of that shape, float64.

    Unlike torch.bincount, it does not wait for the device.
    """
    sums = torch.zeros(like.numel(), dtype=torch.float64, device=like.device)
    return sums.index_add_(0, place.flatten(), weights.flatten().double()).view(like.shape)


def split_at(shape, axis: int) -> Tuple[int, int, int]:
    """(elements before the axis, along it, after it)."""
    axis %= len(shape)
    return int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :]))


def _places(x: torch.Tensor, low: float, spacing: float, pieces: int) -> torch.Tensor:
    """x: (outer, channels, inner) -> index into the flattened (channels, pieces), int64."""
    place = ((x - low) / spacing + 1).nan_to_num(0).clamp(0, pieces - 1).long()
    return place + pieces * torch.arange(x.shape[1], device=x.device)[:, None]


def _loaded(element):
    """An element of a kernel's array as a number."""


def _stored(array, number):
    """The number as an element of the array."""


@overload(_loaded)
def _(element):
    if element == numba.types.uint16:  # bfloat16, the upper half of a float32
        return lambda element: np.uint32(np.uint32(element) << np.uint32(16)).view(np.float32)
    return lambda element: element


@overload(_stored)
def _(array, number):
    if array.dtype == numba.types.uint16:

        def rounded(array, number):  # to even; NaN stays NaN
            bits = np.float32(number).view(np.uint32)
            odd = (bits >> np.uint32(16)) & np.uint32(1)
            nearest = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))
            return nearest if number == number else np.uint16(0x7FC0)

        return rounded
    return lambda array, number: number


@numba.njit(cache=True, error_model="numpy")
def _place(x, first, per_spacing, last):
    place = x * per_spacing - first
    inside = place if place < last else last
    # Unsigned, which spares Numba's test for a negative index. NaN takes piece 0 and stays NaN.
    return np.uint64(inside if place > 0 else first - first)


# Along channels, the kernels work on a row of elements in three loops. The first and the last have no look-up
# in them, so that the processor computes many elements at once.


@numba.njit(cache=True, error_model="numpy")
def _forward(x, lines, y, low, spacing):
    number = lines.dtype.type
    first, per_spacing, last = number(low / spacing - 1), number(1 / spacing), number(lines.shape[1] - 1)
    if x.shape[2] == 1:
        flat, row = lines.reshape(-1, 2), _row(lines)
        intercepts, slopes = np.empty_like(row.numbers), np.empty_like(row.numbers)
        rows_of_x, rows_of_y = rows(x), rows(y)
        for o in range(x.shape[0]):
            _locate(rows_of_x[o], row, first, per_spacing, last)
            row_of_y = rows_of_y[o]
            for c in range(x.shape[1]):
                intercepts[c], slopes[c] = (
                    flat[np.uint32(row.places[c]), 0],
                    flat[np.uint32(row.places[c]), 1],
                )
            for c in range(x.shape[1]):
                row_of_y[c] = _stored(y, intercepts[c] + slopes[c] * row.numbers[c])
        return
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            own = lines[c]
            for i in range(x.shape[2]):
                v = _loaded(x[o, c, i])
                k = _place(v, first, per_spacing, last)
                y[o, c, i] = _stored(y, own[k, 0] + own[k, 1] * v)


@numba.njit(cache=True, error_model="numpy")
def _backward(x, lines, gradient, of_x, of_lines, low, spacing):
    number = lines.dtype.type
    first, per_spacing, last = number(low / spacing - 1), number(1 / spacing), number(lines.shape[1] - 1)
    if x.shape[2] == 1:
        flat, of_flat, row = lines.reshape(-1, 2), of_lines.reshape(-1, 2), _row(lines)
        of_y, slopes = np.empty_like(row.numbers), np.empty_like(row.numbers)
        rows_of_x, rows_of_gradient, rows_of_result = rows(x), rows(gradient), rows(of_x)
        for o in range(x.shape[0]):
            _locate(rows_of_x[o], row, first, per_spacing, last)
            row_of_gradient, row_of_result = rows_of_gradient[o], rows_of_result[o]
            for c in range(x.shape[1]):
                of_y[c] = _loaded(row_of_gradient[c])
                row.numbers[c] *= of_y[c]
            for c in range(x.shape[1]):
                k = np.uint32(row.places[c])
                slopes[c] = flat[k, 1]
                of_flat[k, 0] += of_y[c]
                of_flat[k, 1] += row.numbers[c]
            for c in range(x.shape[1]):
                row_of_result[c] = _stored(of_x, of_y[c] * slopes[c])
        return
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            own, of_own = lines[c], of_lines[c]
            for i in range(x.shape[2]):
                v, of_y = _loaded(x[o, c, i]), _loaded(gradient[o, c, i])
                k = _place(v, first, per_spacing, last)
                of_x[o, c, i] = _stored(of_x, of_y * own[k, 1])
                of_own[k, 0] += of_y
                of_own[k, 1] += of_y * v


_Row = namedtuple("_Row", ["begins", "places", "numbers"])


@numba.njit(cache=True, error_model="numpy")
def _row(lines):
    """Scratch for one element of each channel: where its lines begin, the place of its line, its number."""
    channels = lines.shape[0]
    begins = (np.arange(channels) * lines.shape[1]).astype(np.int32)
    return _Row(begins, np.empty(channels, np.int32), np.empty(channels, lines.dtype))


@numba.njit(cache=True, error_model="numpy")
def rows(x):
    """(outer, channels, 1) -> (outer, channels), contiguous, which the compiler must see."""
    return x.reshape(x.shape[0], x.shape[1])


@numba.njit(cache=True, error_model="numpy")
def _locate(x, row, first, per_spacing, last):
    """Fill places and numbers. NaN takes piece 0 and stays NaN."""
    begins, places, numbers, zero = row.begins, row.places, row.numbers, first - first
    for c in range(x.shape[0]):
        v = _loaded(x[c])
        place = v * per_spacing - first
        place = place if place < last else last
        place = place if place > zero else zero
        places[c] = begins[c] + np.int32(place)
        numbers[c] = v
