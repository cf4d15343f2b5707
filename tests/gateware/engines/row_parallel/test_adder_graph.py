"""Constant matrices as adder graphs: exact, with fewer adders than one per digit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gateware.cores.signed_digits import signed_digits
from gateware.engines.row_parallel.adder_graph import AdderGraph
from lst_overlay.network import load_network
from tests.driver.network.lst.networks import SHIPPED

matrices = npst.arrays(
    np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(-40, 40)
)


def digits(matrix):
    return sum(1 for weight in matrix.ravel().tolist() for _ in signed_digits(weight))


@given(value=st.integers(-5000, 5000))
def test_signed_digits_give_the_value_and_no_two_are_neighbours(value):
    found = list(signed_digits(value))
    assert sum(sign << shift for shift, sign in found) == value
    shifts = [shift for shift, _ in found]
    assert all(second - first > 1 for first, second in zip(shifts, shifts[1:]))


@settings(max_examples=100, deadline=None)
@given(matrix=matrices, seed=st.integers(0, 99))
def test_the_additions_compute_the_product(matrix, seed):
    x = np.random.default_rng(seed).integers(-8, 8, (5, matrix.shape[1]))
    np.testing.assert_array_equal(AdderGraph.of(matrix).evaluate(x), x @ matrix.T)


@settings(max_examples=50, deadline=None)
@given(matrix=matrices)
def test_ranges_are_reached_and_never_left(matrix):
    graph = AdderGraph.of(matrix)
    ranges = graph.ranges(-8, 7)
    weights = np.eye(graph.inputs, dtype=np.int64)
    for addition, (low, high) in zip(graph.additions, ranges[graph.inputs :]):
        assert len(addition) in (2, 3)
        # So its bits go round the carry chain: split() in addition.py.
        assert any(term.shift == 0 and term.sign > 0 for term in addition)
        row = sum(term.sign * (weights[term.signal] << term.shift) for term in addition)
        weights = np.vstack([weights, row])
        assert high == np.where(row > 0, 7, -8) @ row and low == np.where(row > 0, -8, 7) @ row
    assert len(ranges) == len(weights)


def test_a_row_of_zeros_needs_nothing():
    graph = AdderGraph.of(np.array([[0, 0], [1, 0]]))
    assert graph.additions == () and graph.outputs[0] == ()
    np.testing.assert_array_equal(graph.evaluate(np.array([[3, 4]])), [[0, 3]])


def test_what_several_rows_share_is_added_once():
    graph = AdderGraph.of(np.array([[1, 1, 0], [2, 2, 1], [-1, -1, 0]]))
    assert len(graph.additions) == 1 and [len(terms) for terms in graph.outputs] == [1, 2, 1]


def test_a_pair_that_only_a_larger_pattern_uses_is_added_with_it():
    graph = AdderGraph.of(np.array([[1, 1, 1, 0], [1, 1, 1, 1]]))
    assert [len(addition) for addition in graph.additions] == [3]


def test_an_addition_that_has_three_terms_takes_no_further_ones():
    graph = AdderGraph.of(np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]))
    assert sorted(len(addition) for addition in graph.additions) == [2, 3]


def test_a_sum_without_shared_parts_is_a_tree_of_threes_of_the_least_depth():
    """The last addition, of two terms and a constant, comes after the graph."""
    for terms in (1, 2, 3, 4, 5, 6, 7, 8, 9, 18, 19, 28):
        graph = AdderGraph.of(np.ones((1, terms), int))
        assert len(graph.additions) == max(0, -(-(terms - 2) // 2))
        assert 2 * 3 ** (max(graph.depths) - 1) < terms <= 2 * 3 ** max(graph.depths) or terms <= 2


@pytest.mark.parametrize(
    "path",
    [path for path in SHIPPED if path.stem in ("lst1_w4a4p2", "lst1_w5c4a4p4")],
    ids=lambda path: path.stem,
)
def test_shipped_matrices_take_less_than_four_tenths_of_the_additions_of_their_digits(path):
    for layer in load_network(path).layers[:2]:
        naive = digits(layer.weights_q) - len(layer.weights_q)
        graph = AdderGraph.of(layer.weights_q)
        assert len(graph.additions) + len(graph.outputs) < 0.4 * naive
        assert max(graph.depths) <= 6
