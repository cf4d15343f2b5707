"""RowTransposer in Migen's simulator: matrices back to back or after pauses of whole matrices."""

import numpy as np
import pytest

from gateware.engines.row_parallel.row_transposer import RowTransposer, rotation_steps
from tests.gateware.engines.row_parallel.lanes import through


@pytest.mark.parametrize("size", [3, 4, 5, 8, 17])
def test_rows_become_columns_at_a_row_per_clock(size):
    present = [True, True, False, True, False, False, True]
    matrices = np.random.default_rng(size).integers(0, 16, (len(present), size, size))
    vectors = [row if valid else None for valid, matrix in zip(present, matrices) for row in matrix]
    dut = RowTransposer(size, 4)
    out, clocks = through(dut, vectors, row_counter=(dut.row_counter, size))
    np.testing.assert_array_equal(out.reshape(-1, size, size), matrices[present].transpose(0, 2, 1))
    assert clocks == [clock + dut.latency for clock, vector in enumerate(vectors) if vector is not None]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 16, 17, 28])
def test_the_steps_of_the_rotation_cover_its_bits_once(size):
    bits = [bit for low, high in rotation_steps(size) for bit in range(low, high)]
    assert sorted(bits) == list(range((size - 1).bit_length()))
