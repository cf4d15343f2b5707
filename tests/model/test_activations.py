import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.activations import ACTIVATIONS, RANGE, PiecewiseLinear


def learned(values):
    function = PiecewiseLinear(len(values)).double()
    function.take(values)
    return function


def plain(x, values):
    """Interpolation that autograd differentiates by itself."""
    last = len(values) - 1
    position = ((x + RANGE) * (last / (2 * RANGE))).clamp(0, last)
    index = position.detach().floor().clamp(max=last - 1).long()
    return values[index] + (position - index) * (values[index + 1] - values[index])


def test_on_grid_is_forward_in_float64():
    grid = np.linspace(-5, 5, 101)
    for activation in ACTIVATIONS.values():
        function = activation().double()
        found = function.on_grid(grid)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, function(torch.from_numpy(grid)).detach().numpy(), rtol=1e-13, atol=1e-15)


def test_names_find_their_activation():
    for name, activation in ACTIVATIONS.items():
        assert activation.name == name


def test_a_learned_function_begins_as_tanh_at_its_knots():
    knots = torch.linspace(-RANGE, RANGE, 33)
    torch.testing.assert_close(PiecewiseLinear()(knots), torch.tanh(knots))


def test_a_learned_function_is_held_outside_its_knots_and_bounded():
    function = learned([-3.0, 0.5, 2.0])
    found = function(torch.tensor([-100.0, -4.0, 0.0, 4.0, 100.0], dtype=torch.float64))
    assert found.tolist() == [-1.0, -1.0, 0.5, 1.0, 1.0]


@given(seed=st.integers(0, 1000), knots=st.integers(2, 9), size=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_its_own_gradient_is_autograds(seed, knots, size):
    generator = torch.Generator().manual_seed(seed)
    x = (3 * torch.randn(size, generator=generator, dtype=torch.float64)).requires_grad_()
    weights = torch.randn(size, generator=generator, dtype=torch.float64)
    values = (torch.rand(knots, generator=generator, dtype=torch.float64) - 0.5).tolist()
    function = learned(values)
    (function(x) * weights).sum().backward()
    other_x, other_values = x.detach().clone().requires_grad_(), torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (plain(other_x, other_values) * weights).sum().backward()
    torch.testing.assert_close(x.grad, other_x.grad)
    torch.testing.assert_close(function.values.grad, other_values.grad)


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_what_was_learned_makes_the_same_function_again(activation):
    function, again = activation(), activation()
    if function.learned():
        function.take([value / 2 for value in function.learned()])
    again.take(function.learned())
    grid = np.linspace(-5, 5, 101)
    np.testing.assert_array_equal(again.on_grid(grid), function.on_grid(grid))


def test_a_function_needs_two_knots():
    with pytest.raises(ValueError, match="at least 2 knots, not 1"):
        PiecewiseLinear(1)
