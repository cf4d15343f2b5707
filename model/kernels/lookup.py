"""Table look-up with gradient.

The gradient of the table is a histogram; that of the accumulator is the slope of the function that the table
was made from. On the CPU Numba compiles the kernel, as in model.kernels.interpolation; other devices use
torch's own operations.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from model.kernels.interpolation import compiled, histogram, rows, split_at


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, acc, table, slope, shift, channel_axis):
        tables, entries = table.shape
        ctx.shape = split_at(acc.shape, channel_axis) if tables > 1 else (1, 1, acc.numel())
        ctx.shift = shift
        acc = acc.contiguous()
        ctx.save_for_backward(acc, slope)
        if compiled(acc):
            codes = torch.empty_like(acc)
            _forward(acc.view(ctx.shape).numpy(), table.numpy(), codes.view(ctx.shape).numpy(), 2.0**-shift)
            return codes
        return table.flatten()[_places(acc.view(ctx.shape), entries, shift)].view(acc.shape)

    @staticmethod
    def backward(ctx, gradient):
        acc, slope = ctx.saved_tensors
        gradient = gradient.contiguous()
        if compiled(acc):
            of_acc, of_table = torch.empty_like(acc), np.zeros(slope.shape)
            _backward(
                acc.view(ctx.shape).numpy(),
                slope.numpy(),
                gradient.view(ctx.shape).numpy(),
                of_acc.view(ctx.shape).numpy(),
                of_table,
                2.0**-ctx.shift,
            )
            of_table = torch.from_numpy(of_table).to(acc.dtype)
        else:
            place = _places(acc.view(ctx.shape), slope.shape[1], ctx.shift)
            of_acc = (gradient.view(ctx.shape) * slope.flatten()[place]).view(acc.shape)
            of_table = histogram(place, gradient, slope).to(acc.dtype)
        return of_acc, of_table, None, None, None


def table_index(acc: torch.Tensor, shift: int, index_width: int) -> torch.Tensor:
    """Accumulators that include the bias -> table indices: shift and saturation, in floating point."""
    half = 2 ** (index_width - 1)
    return torch.floor(acc * 2.0**-shift).clamp(-half, half - 1)


def look_up(
    acc: torch.Tensor, table: torch.Tensor, shift: int, channel_axis: int, slope: torch.Tensor = None
) -> torch.Tensor:
    """Integer accumulators, in floating point -> table entries, the same shape.

    table: (tables, entries), entries in ascending order of the index, from the most negative one on.
    There is one table for all channels, or one for each.
    slope: the factor of the accumulator's gradient at each entry. Without it no gradient passes.
    """
    if len(table) > 1 and len(table) != acc.shape[channel_axis]:
        raise ValueError(f"{len(table)} tables for {acc.shape[channel_axis]} channels")
    table = table.to(acc.dtype)
    return _LookUp.apply(
        acc, table, torch.zeros_like(table) if slope is None else slope.to(acc.dtype), shift, channel_axis
    )


def _places(acc: torch.Tensor, entries: int, shift: int) -> torch.Tensor:
    """acc: (outer, channels, inner) -> index into the flattened (channels, entries), int64."""
    place = table_index(acc, shift, entries.bit_length() - 1).nan_to_num(-entries // 2).long() + entries // 2
    return place + entries * torch.arange(acc.shape[1], device=acc.device)[:, None]


@numba.njit(cache=True, error_model="numpy")
def _place(acc, scale, half, last):
    # Exact in float64. Inside the table it is not negative, so that truncation is the floor.
    place = np.float64(acc) * scale + half
    inside = place if place < last else last
    return np.uint64(inside if place > 0 else 0.0)  # unsigned, which spares the test for a negative index


# Along channels, a row's places are found in a loop of their own, which computes many elements at once.


@numba.njit(cache=True, error_model="numpy")
def _forward(acc, table, codes, scale):
    half, last = np.float64(table.shape[1] // 2), np.float64(table.shape[1] - 1)
    if acc.shape[2] == 1:
        flat, places = table.reshape(-1), np.empty(acc.shape[1], np.int32)
        rows_of_acc, rows_of_codes = rows(acc), rows(codes)
        for o in range(acc.shape[0]):
            _locate(rows_of_acc[o], table.shape[1], places, scale, half, last)
            row_of_codes = rows_of_codes[o]
            for c in range(acc.shape[1]):
                row_of_codes[c] = flat[np.uint32(places[c])]
        return
    for o in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            entries = table[c]
            for i in range(acc.shape[2]):
                codes[o, c, i] = entries[_place(acc[o, c, i], scale, half, last)]


@numba.njit(cache=True, error_model="numpy")
def _backward(acc, slope, gradient, of_acc, of_table, scale):
    half, last = np.float64(slope.shape[1] // 2), np.float64(slope.shape[1] - 1)
    if acc.shape[2] == 1:
        flat, of_flat = slope.reshape(-1), of_table.reshape(-1)
        places = np.empty(acc.shape[1], np.int32)
        rows_of_acc, rows_of_gradient, rows_of_result = rows(acc), rows(gradient), rows(of_acc)
        for o in range(acc.shape[0]):
            _locate(rows_of_acc[o], slope.shape[1], places, scale, half, last)
            row_of_gradient, row_of_result = rows_of_gradient[o], rows_of_result[o]
            for c in range(acc.shape[1]):
                k = np.uint32(places[c])
                row_of_result[c] = row_of_gradient[c] * flat[k]
                of_flat[k] += row_of_gradient[c]
        return
    for o in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            slopes, of_entries = slope[c], of_table[c]
            for i in range(acc.shape[2]):
                k = _place(acc[o, c, i], scale, half, last)
                of_acc[o, c, i] = gradient[o, c, i] * slopes[k]
                of_entries[k] += gradient[o, c, i]


@numba.njit(cache=True, error_model="numpy")
def _locate(acc, entries, places, scale, half, last):
    """Fill in the place of each channel's entry in the flattened table. NaN takes the first entry."""
    zero = half - half
    for c in range(acc.shape[0]):
        place = np.float64(acc[c]) * scale + half
        place = place if place < last else last
        place = place if place > zero else zero
        places[c] = np.int32(c * entries) + np.int32(place)
