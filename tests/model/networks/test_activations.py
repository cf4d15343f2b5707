import pytest
import torch
from torch.autograd import gradcheck

from model.networks.activations import ACTIVATIONS, PSA, REACH, BSpline, LerpPSA, PiecewiseLinear, ReLU, Tanh
from tests.model.small import FUNCTIONS


def learned(values):
    function = PiecewiseLinear(knots=len(values)).double()
    function.take(values)
    return function


def grid():
    return torch.linspace(-5, 5, 101, dtype=torch.float64)


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_float64_stays_float64(activation):
    """Tables are made in float64 from float32 parameters, and agree with training to its precision."""
    function = activation()
    found = function(grid(), channel_axis=0)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), function(grid().float(), channel_axis=0), rtol=1e-5, atol=1e-6)


def test_names_find_their_activation():
    for name, activation in ACTIVATIONS.items():
        assert activation.name == name


def test_a_learned_function_begins_as_tanh_at_its_knots():
    knots = torch.linspace(-REACH, REACH, 33)
    torch.testing.assert_close(PiecewiseLinear()(knots, channel_axis=0), torch.tanh(knots))


def test_a_learned_function_is_held_outside_its_knots():
    function = learned([-3.0, 0.5, 2.0])
    found = function(torch.tensor([-100.0, -4.0, 0.0, 4.0, 100.0], dtype=torch.float64), channel_axis=0)
    assert found.tolist() == [-3.0, -3.0, 0.5, 2.0, 2.0]


def test_the_greatest_value_of_a_function_is_that_between_minus_four_and_four():
    assert (Tanh().greatest(), ReLU().greatest(), learned([-3.0, 0.5, 2.0]).greatest()) == (1.0, REACH, 3.0)


def test_the_greatest_value_is_that_of_all_channels():
    function = PiecewiseLinear(3, knots=2, per_channel=True)
    function.take([0.0, 1.0, -5.0, 2.0, 0.0, 3.0])
    assert function.greatest() == 5.0


def test_a_function_that_is_zero_everywhere_still_has_a_step():
    assert learned([0.0, 0.0]).greatest() == pytest.approx(1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("activation", [PiecewiseLinear, LerpPSA])
def test_every_channel_has_its_own_function(activation, axis):
    function = activation(4, per_channel=True)
    for parameter in function.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    x = torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(2))
    y = function(x, channel_axis=axis)
    for channel in range(4):
        alone = activation()
        alone.load_state_dict(
            {name: tensor[channel : channel + 1] for name, tensor in function.state_dict().items()}
        )
        torch.testing.assert_close(y.select(axis, channel), alone(x.select(axis, channel), channel_axis=0))


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in ("tanh", "relu")])
def test_what_is_learned_gets_its_true_gradient(function):
    activation = FUNCTIONS[function](3).double()
    x = torch.linspace(-5, 5, 30, dtype=torch.float64).view(3, 10)
    names, parameters = zip(*activation.named_parameters())
    inside = [parameter.detach().mul(0.9).requires_grad_() for parameter in parameters]
    assert gradcheck(
        lambda *values: torch.func.functional_call(
            activation, dict(zip(names, values)), (x,), {"channel_axis": 0}
        ),
        inside,
    )


def test_lerp_psa_is_the_published_function_at_its_knots():
    """PSA(x) = g sum_e a_e v_e x + beta, a = softmax over e of -(x - m_e)^2 / (w_e^2 + 1)."""
    function = LerpPSA(knots=5).double()
    generator = torch.Generator().manual_seed(3)
    function.take(torch.randn(3 * 8 + 2, generator=generator, dtype=torch.float64).tolist())
    for x in torch.linspace(-REACH, REACH, 5, dtype=torch.float64):
        scores = [torch.exp(-((x - m) ** 2) / (w**2 + 1)) for m, w in zip(function.m[0], function.w[0])]
        wanted = (
            function.g[0, 0] * sum(score / sum(scores) * v * x for score, v in zip(scores, function.v[0]))
            + function.beta[0, 0]
        )
        torch.testing.assert_close(function(x[None], channel_axis=0)[0], wanted)


def test_lerp_psa_goes_on_in_a_straight_line_beyond_its_knots():
    y = LerpPSA()(torch.tensor([4.0, 5.0, 6.0, -4.0, -5.0, -6.0], dtype=torch.float64), channel_axis=0)
    torch.testing.assert_close(y[2] - y[1], y[1] - y[0])
    torch.testing.assert_close(y[5] - y[4], y[4] - y[3])
    assert y[2] != y[0]


def test_lerp_psa_begins_close_to_tanh():
    inside = grid().clamp(-REACH, REACH)
    assert (LerpPSA()(inside, channel_axis=0) - torch.tanh(inside)).abs().max() < 0.2


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_was_learned_makes_the_same_function_again(function):
    activation, again = FUNCTIONS[function](4), FUNCTIONS[function](4)
    activation.take([value / 2 for value in activation.learned()])
    again.take(activation.learned())
    x = grid().repeat(4, 1)
    assert torch.equal(again(x, channel_axis=0), activation(x, channel_axis=0))


def test_psa_is_what_lerp_psa_approaches():
    """With many knots; so does the gradient of every number."""
    exact, lerp = PSA(3, per_channel=True).double(), LerpPSA(3, knots=4097, per_channel=True).double()
    generator = torch.Generator().manual_seed(1)
    for function in (exact, lerp):
        function.begin_in_residual(generator.manual_seed(1))
    x = torch.empty(2, 3, 50, dtype=torch.float64).uniform_(-3.9, 3.9, generator=generator)
    outputs = [function(x, channel_axis=1) for function in (exact, lerp)]
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-4)
    weights = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    for output in outputs:
        (output * weights).sum().backward()
    for ours, theirs in zip(exact.parameters(), lerp.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-3)


def test_the_published_start_of_psa():
    function = PSA(200, per_channel=True).begin_in_residual(torch.Generator().manual_seed(0))
    assert (
        function.v.std().item() == pytest.approx(4.0, rel=0.1)
        and function.m.abs().max() <= 1
        and function.m.std() > 0.5
    )
    assert (function.w == 1).all() and (function.g == 1).all() and (function.beta == 0).all()


def test_a_b_spline_begins_as_a_leaky_relu_and_goes_on_in_straight_lines():
    x = torch.linspace(-9, 9, 101, dtype=torch.float64)
    torch.testing.assert_close(
        BSpline()(x, channel_axis=0), torch.nn.functional.leaky_relu(x, 0.01), rtol=1e-5, atol=1e-5
    )


def test_the_total_variation_of_a_spline_sums_its_changes_of_slope():
    function = BSpline(2, knots=5, per_channel=True)
    function.take([0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0])  # slopes 1, 0, -1, 0 and 0, 0, 0, 1
    assert function.total_variation().item() == pytest.approx(3 + 1)


@pytest.mark.parametrize("activation", [PiecewiseLinear, LerpPSA, BSpline])
def test_a_function_needs_two_knots(activation):
    with pytest.raises(ValueError, match="at least 2 knots, not 1"):
        activation(knots=1)
