"""Lookup in Migen's simulator."""

import numpy as np
import pytest

from gateware.engines.row_parallel.lookup import Lookup
from lst_overlay.network import Activation
from tests.gateware.engines.row_parallel.lanes import through


def activation(shift, index_width, channels=None, seed=0):
    shape = (1 << index_width,) if channels is None else (channels, 1 << index_width)
    return Activation(shift, index_width, 1.0, np.random.default_rng(seed).integers(-8, 8, shape), 4, 1.0)


def expected(act, acc):
    half = 1 << act.index_width - 1
    entry = np.clip(acc >> act.shift, -half, half - 1) + half
    return act.table_q[np.arange(acc.shape[1]), entry] if act.per_channel else act.table_q[entry]


@pytest.mark.parametrize("in_luts", [False, True])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize(
    "shift, index_width, acc_width",
    [
        (0, 4, 6),
        (2, 4, 6),
        (3, 4, 6),
        (5, 4, 6),
        (0, 6, 6),
        (0, 6, 4),
        (1, 4, 4),
        (1, 1, 3),
        (1, 7, 9),
        (0, 8, 8),
    ],
)
def test_every_sum_finds_its_entry(in_luts, channels, shift, index_width, acc_width):
    act = activation(shift, index_width, channels)
    acc = np.arange(-(1 << acc_width - 1), 1 << acc_width - 1)
    acc = np.stack([acc, acc[::-1], np.roll(acc, 3)], axis=1)
    out, clocks = through(Lookup(act, 3, acc_width, in_luts), list(acc))
    np.testing.assert_array_equal(out, expected(act, acc))
    assert clocks == [clock + Lookup.latency for clock in range(len(acc))]
