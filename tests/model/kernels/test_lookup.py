"""Every test runs the compiled kernel and torch's own operations (the fixture `path`)."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import model.kernels.lookup
from model.kernels.lookup import look_up

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def expected(acc, table, shift, axis):
    """The contract in integers: an arithmetic shift, a saturation, an entry."""
    half = table.shape[1] // 2
    index = np.clip(acc >> shift, -half, half - 1) + half
    if len(table) == 1:
        return table[0][index]
    channels = np.arange(len(table)).reshape(
        [-1 if number == axis % acc.ndim else 1 for number in range(acc.ndim)]
    )
    return table[channels, index]


def real(array):
    return torch.from_numpy(np.asarray(array)).double()


@given(
    seed=st.integers(0, 10**6),
    axis=st.integers(-3, 2),
    per_channel=st.booleans(),
    index_width=st.integers(1, 10),
    shift=st.integers(0, 12),
    spread=st.integers(1, 30),
)
@quick
def test_it_is_shift_saturation_and_table(path, seed, axis, per_channel, index_width, shift, spread):
    rng, shape = np.random.default_rng(seed), (3, 4, 5)
    acc = rng.integers(-(2**spread), 2**spread, shape)
    table = rng.integers(-(2**15), 2**15, (shape[axis] if per_channel else 1, 1 << index_width))
    np.testing.assert_array_equal(
        look_up(real(acc), real(table), shift, axis).numpy(), expected(acc, table, shift, axis)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_the_index_saturates_at_both_ends(path, shift, dtype):
    table = torch.arange(-4.0, 4.0, dtype=dtype)[None]  # every index is its own entry
    first_outside = torch.tensor([-4 * 2**shift - 1, 4 * 2**shift], dtype=dtype)
    last_inside = torch.tensor([-4 * 2**shift, 4 * 2**shift - 1], dtype=dtype)
    for acc in (first_outside, last_inside, 1000 * first_outside):
        assert look_up(acc, table, shift, 0).tolist() == [-4, 3]


@pytest.mark.parametrize("index_width", [1, 8, 10])
def test_the_most_negative_accumulator_takes_the_first_entry(path, index_width):
    table = torch.arange(-(2.0 ** (index_width - 1)), 2.0 ** (index_width - 1), dtype=torch.float64)[None]
    acc = torch.tensor([-(2.0**30), 2.0**30 - 1], dtype=torch.float64)
    assert look_up(acc, table, 7, 0).tolist() == [table[0, 0], table[0, -1]]


def test_negative_accumulators_shift_towards_minus_infinity(path):
    table = torch.arange(-4.0, 4.0)[None]
    acc = torch.tensor([-5.0, -4.0, -3.0, -1.0, 0.0, 3.0, 4.0])
    assert look_up(acc, table, 2, 0).tolist() == [-2, -1, -1, -1, 0, 0, 1]


def test_entries_send_their_gradient_to_the_table_of_their_channel(path):
    acc = torch.tensor([[-9.0, -1.0, -1.0], [0.0, 1.0, 7.0]], dtype=torch.float64)
    table = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    gradient = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]], dtype=torch.float64)
    look_up(acc, table, 0, 0).backward(gradient)
    assert table.grad.tolist() == [[1, 6, 0, 0], [0, 0, 8, 48]]


def test_an_accumulator_gets_the_slope_of_its_entry(path):
    acc = torch.tensor([[-9.0, -1.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    slope = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], dtype=torch.float64)
    look_up(acc, torch.zeros(2, 4, dtype=torch.float64), 0, 0, slope).backward(
        torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    )
    assert acc.grad.tolist() == [[1, 20], [700, 8000]]


def test_without_a_slope_no_gradient_reaches_the_accumulator(path):
    acc = torch.zeros(2, 3, requires_grad=True)
    look_up(acc, torch.ones(1, 4, requires_grad=True), 0, 0).sum().backward()
    assert not acc.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_paths_give_the_same(monkeypatch, dtype):
    rng, results = np.random.default_rng(0), []
    codes, entries, slopes = (
        rng.integers(-3000, 3000, (4, 7, 50)),
        rng.integers(-8, 8, (7, 256)),
        rng.random((7, 256)),
    )
    for compiled in (True, False):
        monkeypatch.setattr(model.kernels.lookup, "compiled", lambda x, answer=compiled: answer)
        acc, table = (real(array).to(dtype).requires_grad_() for array in (codes, entries))
        y = look_up(acc, table, 4, 1, real(slopes).to(dtype))
        results.append((y, *torch.autograd.grad((y * acc.detach()).sum(), (acc, table))))
    for one, other in zip(*results):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other)
    assert torch.equal(results[0][0], results[1][0])


def test_nan_corrupts_nothing(path):
    rng = np.random.default_rng(0)
    acc, table = real(rng.integers(-9, 9, (3, 4, 5))), real(rng.integers(-8, 8, (4, 8)))
    spoilt = acc.clone()
    spoilt[1, 2, 3] = float("nan")
    kept = ~torch.isnan(spoilt)
    assert torch.equal(look_up(spoilt, table, 1, 1)[kept], look_up(acc, table, 1, 1)[kept])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_another_number_of_tables_than_channels_is_refused(path, count):
    with pytest.raises(ValueError, match=f"{count} tables for 4 channels"):
        look_up(torch.zeros(3, 4, 5), torch.zeros(count, 8), 0, 1)
