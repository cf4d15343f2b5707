"""Floor and clip with gradient, compiled and in torch's own operations."""

import pytest
import torch

import model.kernels.saturation
from model.kernels.saturation import floor_clip

X = torch.tensor([-300.0, -128.001, -128.0, -0.5, 0.0, 0.99, 126.5, 127.0, 127.999, 128.0, 1e6])
CODES = [-128, -128, -128, -1, 0, 0, 126, 127, 127, 127, 127]
PASSED = [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codes_are_floors_clipped_and_what_is_clipped_passes_no_gradient(monkeypatch, compiled, dtype):
    monkeypatch.setattr(model.kernels.saturation, "compiled", lambda x: compiled)
    x = X.to(dtype, copy=True).requires_grad_()
    codes = floor_clip(x, -128, 127)
    assert codes.dtype == dtype and codes.tolist() == CODES
    codes.backward(torch.arange(1.0, 12.0, dtype=dtype))
    assert x.grad.tolist() == [factor * passed for factor, passed in zip(range(1, 12), PASSED)]


def test_any_layout_of_input_and_gradient():
    x = torch.randn(4, 5, 6).mul(200).transpose(0, 2).requires_grad_()
    gradient = torch.randn(4, 5, 6).transpose(0, 2)
    floor_clip(x, 0, 127).backward(gradient)
    inside = (x.detach() >= 0) & (x.detach() < 128)
    torch.testing.assert_close(x.grad, gradient * inside)
