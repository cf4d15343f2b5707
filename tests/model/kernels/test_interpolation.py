"""Every test runs the compiled kernel and torch's own operations (the fixture `path`)."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import model.kernels.interpolation
from model.kernels.interpolation import interpolate

REACH = 4.0
SHAPE = (3, 4, 5)
# The fixture stays as it is from one example to the next, which is what is wanted.
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds, axes, knot_counts = st.integers(0, 10**6), st.integers(-3, 2), st.integers(2, 12)


def random(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tables(seed, knots, axis, per_channel):
    return random(SHAPE[axis] if per_channel else 1, knots, seed=seed + 1)


def channel(x, number, axis, per_channel):
    """The values that one table serves: those of a channel, or all."""
    return x.select(axis, number) if per_channel else x


def plain(x, values, axis, extrapolate):
    """The same function from torch's own operations, differentiated by autograd itself."""
    last = values.shape[1] - 1
    position = (x + REACH) * (last / (2 * REACH))
    if not extrapolate:
        position = position.clamp(0, last)
    index = position.detach().floor().clamp(0, last - 1).long()
    row = torch.zeros_like(index)
    if len(values) > 1:
        row = (
            torch.arange(len(values))
            .view([-1 if number == axis % 3 else 1 for number in range(3)])
            .expand(SHAPE)
        )
    return values[row, index] + (position - index) * (values[row, index + 1] - values[row, index])


@given(seed=seeds, knots=knot_counts, axis=axes, per_channel=st.booleans())
@quick
def test_held_outside_it_is_numpys_interp(path, seed, knots, axis, per_channel):
    x, values = random(*SHAPE, seed=seed, scale=3), tables(seed, knots, axis, per_channel)
    y, grid = interpolate(x, values, REACH, channel_axis=axis), np.linspace(-REACH, REACH, knots)
    for number, table in enumerate(values.numpy()):
        found, wanted = (channel(part, number, axis, per_channel).numpy() for part in (y, x))
        np.testing.assert_allclose(found, np.interp(wanted, grid, table), rtol=0, atol=1e-12)


@given(seed=seeds, knots=knot_counts, axis=axes, per_channel=st.booleans())
@quick
def test_extrapolated_it_goes_on_along_the_end_pieces(path, seed, knots, axis, per_channel):
    x, values = random(*SHAPE, seed=seed, scale=3), tables(seed, knots, axis, per_channel)
    y, grid = (
        interpolate(x, values, REACH, channel_axis=axis, extrapolate=True),
        np.linspace(-REACH, REACH, knots),
    )
    for number, table in enumerate(values.numpy()):
        found, at = (channel(part, number, axis, per_channel).numpy() for part in (y, x))
        below, above = (
            (table[1] - table[0]) / (grid[1] - grid[0]),
            (table[-1] - table[-2]) / (grid[1] - grid[0]),
        )
        wanted = (
            np.interp(at, grid, table) + below * np.minimum(at + REACH, 0) + above * np.maximum(at - REACH, 0)
        )
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("extrapolate", [False, True])
@pytest.mark.parametrize("axis, per_channel", [(0, True), (1, True), (2, True), (0, False)])
def test_gradients_are_those_of_finite_differences(path, axis, per_channel, extrapolate):
    x, values = random(*SHAPE, scale=3).requires_grad_(), tables(1, 6, axis, per_channel).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, values: interpolate(x, values, REACH, channel_axis=axis, extrapolate=extrapolate),
        (x, values),
    )


@given(seed=seeds, knots=knot_counts, axis=axes, per_channel=st.booleans(), extrapolate=st.booleans())
@quick
def test_gradients_are_autograds(path, seed, knots, axis, per_channel, extrapolate):
    weights, gradients = random(*SHAPE, seed=seed + 2), []
    for function in (
        lambda x, v: interpolate(x, v, REACH, channel_axis=axis, extrapolate=extrapolate),
        lambda x, v: plain(x, v, axis, extrapolate),
    ):
        x, values = (
            random(*SHAPE, seed=seed, scale=3).requires_grad_(),
            tables(seed, knots, axis, per_channel).requires_grad_(),
        )
        gradients.append(torch.autograd.grad((function(x, values) * weights).sum(), (x, values)))
    for found, wanted in zip(*gradients):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_paths_give_the_same(monkeypatch, dtype):
    results = []
    for compiled in (True, False):
        monkeypatch.setattr(model.kernels.interpolation, "compiled", lambda x, answer=compiled: answer)
        x = random(4, 7, 50, scale=3).to(dtype).requires_grad_()
        values = random(7, 9, seed=1).to(dtype).requires_grad_()
        y = interpolate(x, values, REACH, channel_axis=1)
        results.append((y, *torch.autograd.grad((y * y).sum(), (x, values))))
    for one, other in zip(*results):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_nan_stays_nan_and_corrupts_nothing(path):
    x, values = random(*SHAPE, scale=3), random(4, 5, seed=1)
    spoilt, gradient = x.clone(), torch.ones(SHAPE, dtype=torch.float64)
    spoilt[1, 2, 3], gradient[1, 2, 3] = float("nan"), 0.0
    spoilt.requires_grad_()
    found, wanted = (interpolate(part, values, REACH, channel_axis=1) for part in (spoilt, x))
    assert torch.isnan(found).nonzero().tolist() == [[1, 2, 3]]
    kept = ~torch.isnan(spoilt)
    assert torch.equal(found[kept], wanted[kept])
    (of_x,) = torch.autograd.grad(found, spoilt, gradient)
    assert torch.isfinite(of_x[kept]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_outside_it_is_held(path, dtype):
    values = torch.tensor([[-0.25, 0.5, 0.75]], dtype=dtype)
    x = torch.tensor([-1e30, -1e9, -REACH, REACH, 1e9, 1e30], dtype=dtype)
    torch.testing.assert_close(
        interpolate(x, values, REACH), torch.tensor([-0.25] * 3 + [0.75] * 3, dtype=dtype)
    )


def test_far_outside_no_gradient_reaches_a_held_input(path):
    x = torch.tensor([-1e30, -4.5, 4.5, 1e30], requires_grad=True)
    interpolate(x, torch.tensor([[-1.0, 0.0, 1.0]]), REACH).sum().backward()
    assert x.grad.tolist() == [0.0] * 4


def test_two_knots_are_a_straight_line(path):
    x = torch.tensor([-8.0, -4.0, 0.0, 1.0, 4.0, 8.0], dtype=torch.float64)
    values = torch.tensor([[-1.0, 3.0]], dtype=torch.float64)
    assert interpolate(x, values, REACH).tolist() == [-1.0, -1.0, 1.0, 1.5, 3.0, 3.0]
    assert interpolate(x, values, REACH, extrapolate=True).tolist() == [-3.0, -1.0, 1.0, 1.5, 3.0, 5.0]


def test_a_transposed_input_gives_what_its_copy_gives(path):
    x, values = random(5, 4, 3, scale=3).permute(2, 1, 0), random(4, 6, seed=1)
    assert torch.equal(
        interpolate(x, values, REACH, channel_axis=1),
        interpolate(x.contiguous(), values, REACH, channel_axis=1),
    )


def test_no_numbers_give_none(path):
    assert interpolate(torch.zeros(0, 4), torch.zeros(4, 3), REACH, channel_axis=1).shape == (0, 4)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_another_number_of_tables_than_channels_is_refused(path, count):
    with pytest.raises(ValueError, match=f"{count} functions for 4 channels"):
        interpolate(torch.zeros(SHAPE), torch.zeros(count, 6), REACH, channel_axis=1)


@pytest.mark.parametrize(
    "knots, reach, message",
    [
        (1, 4.0, "at least 2 knots, not 1"),
        (3, 0.0, "reach must be positive and finite, is 0.0"),
        (3, -4.0, "range -reach .. reach is empty"),
        (3, float("nan"), "is nan"),
    ],
)
def test_too_few_knots_and_empty_ranges_are_refused(knots, reach, message):
    with pytest.raises(ValueError, match=message):
        interpolate(torch.zeros(2), torch.zeros(1, knots), reach)


def test_bfloat16_is_computed_in_float32_and_rounded_once(path):
    generator = torch.Generator().manual_seed(3)
    x, gradient = (torch.randn(40, 5, generator=generator).bfloat16() for _ in range(2))
    values = torch.randn(5, 9, generator=generator)
    found = []
    for dtype in (torch.bfloat16, torch.float32):
        numbers, table = x.to(dtype, copy=True).requires_grad_(), values.clone().requires_grad_()
        y = interpolate(numbers, table, 4.0, extrapolate=True)
        y.backward(gradient.to(dtype))
        assert y.dtype == numbers.grad.dtype == dtype and table.grad.dtype == torch.float32
        found.append((y.detach(), numbers.grad, table.grad))
    assert torch.equal(found[0][0], found[1][0].bfloat16()) and torch.equal(
        found[0][1], found[1][1].bfloat16()
    )
    torch.testing.assert_close(found[0][2], found[1][2])


def test_nan_and_infinity_pass_through_bfloat16():
    x = torch.tensor([[float("nan")], [float("inf")], [-float("inf")], [3e38]]).bfloat16()
    y = interpolate(x, torch.tensor([[-4.0, 4.0]]), 4.0, extrapolate=True)
    assert y[0].isnan() and y[1:].flatten().tolist()[:2] == [float("inf"), -float("inf")] and y[3] > 2e38
