"""Transposer in Migen's simulator: 3 x 3 matrices enter by row and leave by column."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.cores.transposer import Transposer, TransposerConfig
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch


def run(matrices, gaps=()):
    matrices = np.asarray(matrices)
    size, beats = matrices.shape[1], []
    dut = Transposer(TransposerConfig(size, code_width=5))

    def process():
        yield from feed(dut.sink, [{"code": int(code)} for code in matrices.ravel()], gaps)
        yield from idle(size * size + 8)

    simulate(dut, process(), watch(dut.source, beats))
    return beats


def random_matrices(count, size, seed=1):
    return np.random.default_rng(seed).integers(-16, 16, (count, size, size))


def assert_transposed(beats, matrices):
    np.testing.assert_array_equal(
        np.reshape(values(beats, "code"), matrices.shape), matrices.transpose(0, 2, 1)
    )


@pytest.mark.parametrize("size", [3, 4, 5])
def test_matrices_at_full_rate_leave_at_full_rate(size):
    matrices = random_matrices(5, size)
    beats = run(matrices)
    assert_transposed(beats, matrices)
    assert np.all(np.diff([clock for clock, _ in beats]) == 1)


def test_a_single_matrix_leaves_without_another():
    matrices = random_matrices(1, 3)
    assert_transposed(run(matrices), matrices)


@settings(max_examples=25, deadline=None)
@given(gaps=st.lists(st.integers(0, 4), max_size=36), seed=st.integers(0, 99))
def test_gaps_in_the_source_change_no_code(gaps, seed):
    matrices = random_matrices(4, 3, seed)
    assert_transposed(run(matrices, gaps), matrices)


@settings(max_examples=10, deadline=None)
@given(gaps=st.lists(st.integers(0, 4), max_size=27))
def test_each_matrix_leaves_in_consecutive_clocks(gaps):
    clocks = np.reshape([clock for clock, _ in run(random_matrices(3, 3), gaps)], (3, 9))
    assert (np.diff(clocks, axis=1) == 1).all()


@pytest.mark.parametrize("pause", range(12))
def test_next_matrix_may_come_at_any_time(pause):
    """The next matrix arrives while the one before it leaves, in its last clock, and after it."""
    matrices = random_matrices(3, 3)
    assert_transposed(run(matrices, ([pause] + [0] * 8) * 3), matrices)


def test_most_negative_code_keeps_its_sign():
    assert values(run(np.full((1, 3, 3), -16)), "code") == [-16] * 9
