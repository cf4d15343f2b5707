"""Floor and clip, the last step of requantisation, with gradient.

Rounding passes the gradient through, and a value that was clipped gets none (LSQ, arXiv 1902.08153). On the
CPU Numba compiles one pass forward and one backward, as in model.kernels.interpolation; other devices use
torch's own operations.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from model.kernels.interpolation import compiled


class _FloorClip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, low, high):
        if compiled(x):
            x = x.contiguous()
            codes, inside = torch.empty_like(x), torch.empty(x.shape, dtype=torch.bool)
            _forward(x.view(-1).numpy(), codes.view(-1).numpy(), inside.view(-1).numpy(), low, high)
        else:
            floor = x.floor()
            codes = floor.clamp(low, high)
            inside = codes == floor
        ctx.save_for_backward(inside)
        return codes

    @staticmethod
    def backward(ctx, gradient):
        (inside,) = ctx.saved_tensors
        if compiled(gradient):
            of_x, gradient = torch.empty(gradient.shape, dtype=gradient.dtype), gradient.contiguous()
            _backward(inside.view(-1).numpy(), gradient.view(-1).numpy(), of_x.view(-1).numpy())
            return of_x, None, None
        return gradient * inside, None, None


def floor_clip(x: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """floor(x) clipped to low..high: integers in the floating-point type of x."""
    return _FloorClip.apply(x, low, high)


@numba.njit(cache=True, error_model="numpy")
def _forward(x, codes, inside, low, high):
    low, high = x.dtype.type(low), x.dtype.type(high)
    for i in range(x.size):
        floor = np.floor(x[i])
        code = min(max(floor, low), high)
        codes[i] = code
        inside[i] = code == floor


@numba.njit(cache=True, error_model="numpy")
def _backward(inside, gradient, of_x):
    for i in range(gradient.size):
        of_x[i] = gradient[i] if inside[i] else gradient.dtype.type(0)
