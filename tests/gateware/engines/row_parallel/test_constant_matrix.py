"""ConstantMatrix in Migen's simulator; the emitted Verilog is compared in test_sums_in_verilog.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migen.fhdl.tools import list_targets

from gateware.cores.widths import shape_of
from gateware.engines.row_parallel.constant_matrix import ConstantMatrix
from tests.gateware.engines.row_parallel.lanes import through


def acc_width(matrix, bias, low, high):
    positive, negative = np.maximum(matrix, 0).sum(1), np.minimum(matrix, 0).sum(1)
    return shape_of(
        min(-1, int((positive * low + negative * high + bias).min())),
        int((positive * high + negative * low + bias).max()),
    )[0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), x_range=st.sampled_from([(0, 3), (0, 15), (-8, 7), (-4, 3)]))
def test_every_vector_gives_matrix_times_vector_plus_bias(seed, x_range):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-15, 16, (4, 5)) * rng.integers(0, 2, (4, 5))
    bias = rng.integers(-60, 61, 4)
    x = np.vstack(
        [
            rng.integers(x_range[0], x_range[1] + 1, (6, 5)),
            np.full((1, 5), x_range[0]),
            np.full((1, 5), x_range[1]),
            np.where(matrix[0] > 0, *x_range),
            np.where(matrix[0] > 0, *x_range[::-1]),
        ]
    )
    dut = ConstantMatrix(matrix, bias, x_range, acc_width(matrix, bias, *x_range))
    out, clocks = through(dut, list(x))
    np.testing.assert_array_equal(out, x @ matrix.T + bias)
    assert clocks == [clock + dut.latency for clock in range(len(x))]


def test_a_vector_takes_a_clock_for_each_addition_of_up_to_three_on_its_path():
    """The bias is one of the numbers."""
    for matrix, clocks in (([[1, 0]], 1), ([[1, 1]], 1), ([[1, 1, 1]], 2), ([[1] * 9], 3)):
        assert ConstantMatrix(np.array(matrix), np.array([1]), (0, 3), 8).latency == clocks


def test_registers_are_those_of_the_additions_and_of_what_waits_for_them():
    """x0 + x1 + x2 + 1: x2 waits a clock for x0 + x1, and valid is delayed as the sum is."""
    dut = ConstantMatrix(np.array([[1, 1, 1]]), np.array([1]), (0, 3), 8)
    registers = list_targets(dut.get_fragment().sync["sys"])
    assert sorted(len(register) for register in registers) == [1, 1, 2, 3, 8]


def test_valid_follows_the_vectors_and_gaps_change_nothing():
    matrix, bias = np.array([[3, -1], [0, 5]]), np.array([1, 2])
    dut = ConstantMatrix(matrix, bias, (-8, 7), 8)
    vectors = [[1, 2], None, None, [-8, 7], None, [7, -8]]
    out, clocks = through(dut, vectors)
    np.testing.assert_array_equal(out, np.array([[1, 2], [-8, 7], [7, -8]]) @ matrix.T + bias)
    assert clocks == [dut.latency, dut.latency + 3, dut.latency + 5]


@pytest.mark.parametrize(
    "low, high, shape",
    [
        (0, 0, (1, False)),
        (0, 3, (2, False)),
        (-1, 0, (1, True)),
        (-8, 7, (4, True)),
        (-8, 8, (5, True)),
        (-9, 7, (5, True)),
    ],
)
def test_shape_of_is_the_narrowest_that_holds_the_range(low, high, shape):
    assert shape_of(low, high) == shape
