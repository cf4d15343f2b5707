"""How sums are made; what they compute is in test_sums_in_verilog.py."""

import pytest

from gateware.engines.row_parallel.addition import split


@pytest.mark.parametrize(
    "parts, constant, low",
    [
        ([(4, 0, 1), (4, 3, 1), (4, 5, -1)], 0, 3),
        ([(5, 1, 1), (4, 3, 1)], 0, 3),
        ([(4, 0, 1), (4, 0, 1), (4, 5, 1)], 0, 0),
        ([(4, 0, -1), (4, 3, 1), (4, 3, 1)], 0, 0),  # -x needs a carry from its lowest bits
        ([(4, 0, 1), (4, 3, 1)], 5, 0),
        ([(4, 0, 1)], 0, 0),
    ],
)
def test_bits_that_one_positive_number_has_alone_are_not_added(parts, constant, low):
    assert split(parts, constant, 10) == (low, 10 - low, True)


@pytest.mark.parametrize(
    "parts, constant, chain",
    [
        ([(3, 0, 1), (3, 0, -1)], 0, False),
        ([(4, 1, 1), (3, 2, 1)], 0, False),  # one of the seven bits is not added
        ([(4, 0, 1), (3, 0, 1)], 0, True),
        ([(2, 0, 1), (2, 0, 1), (2, 0, 1)], 0, True),
        ([(3, 0, 1), (3, 0, 1)], 1, True),
        ([(3, 0, -1), (3, 0, -1)], 0, True),
    ],
)
def test_a_sum_of_two_numbers_with_six_bits_takes_no_chain(parts, constant, chain):
    assert split(parts, constant, 8).chain == chain
