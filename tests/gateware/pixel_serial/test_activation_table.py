"""ActivationTable in Migen's simulator: shift, saturation, look-up."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import clocks as idle
from streams import feed, simulate, values, watch

from gateware.pixel_serial.activation_table import ActivationTable, ActivationTableConfig

CFG = ActivationTableConfig(acc_width=32, index_width=4, code_width=5)
LATENCY = 7
TABLE = np.random.default_rng(1).integers(-16, 16, 16)
INDEXES = np.arange(-8, 8)


def run(table, shift, accs, gaps=(), cfg=CFG):
    """Returns (codes, clocks from acc to code)."""
    dut, offered, beats = ActivationTable(cfg), [], []

    def process():
        yield dut.shift.eq(shift)
        yield from feed(dut.load, [{"address": address, "data": int(code)} for address, code in enumerate(table)])
        yield from feed(dut.sink, [{"acc": int(acc)} for acc in accs], gaps)
        yield from idle(LATENCY + 2)

    simulate(dut, process(), watch(dut.sink, offered), watch(dut.source, beats))
    return values(beats, "code"), [after - before for (before, _), (after, _) in zip(offered, beats)]


def expected(table, shift, accs, cfg=CFG):
    half = 1 << cfg.index_width - 1
    return [int(table[min(max(int(acc) >> shift, -half), half - 1) + half]) for acc in accs]


def corners(shift, cfg=CFG):
    """Around every step of the index, and the ends of the accumulator."""
    low, high = -(1 << cfg.acc_width - 1), (1 << cfg.acc_width - 1) - 1
    near = {(index << shift) + offset for index in range(-10, 11) for offset in (-1, 0, 1)}
    return sorted({low, low + 1, high - 1, high, -1, 0, 1} | {acc for acc in near if low <= acc <= high})


@pytest.mark.parametrize("shift", range(32))
def test_code_of_every_index_and_both_ends(shift):
    assert run(TABLE, shift, corners(shift))[0] == expected(TABLE, shift, corners(shift))


@pytest.mark.parametrize("acc, index", [
    (-(2**31), -8), (-9 * 4, -8), (-8 * 4 - 1, -8), (-8 * 4, -8), (8 * 4 - 1, 7), (8 * 4, 7), (2**31 - 1, 7)])
def test_indexes_saturate_at_both_ends(acc, index):
    assert run(INDEXES, 2, [acc])[0] == [index]


@pytest.mark.parametrize("shift", [1, 2, 7, 28])
def test_with_half_a_step_in_the_bias_ties_go_up(shift):
    half = 1 << shift - 1
    ties = [(index << shift) + half for index in range(-7, 7)]
    below = [tie - 1 for tie in ties]
    assert run(INDEXES, shift, [tie + half for tie in ties])[0] == list(range(-6, 8))
    assert run(INDEXES, shift, [acc + half for acc in below])[0] == list(range(-7, 7))


def test_one_code_per_clock_seven_clocks_later():
    codes, latencies = run(TABLE, 3, range(-100, 100, 7))
    assert latencies == [LATENCY] * len(codes) == [LATENCY] * 29


@settings(max_examples=25, deadline=None)
@given(gaps=st.lists(st.integers(0, 3), max_size=8), accs=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
       shift=st.integers(0, 31))
def test_gaps_change_nothing(gaps, accs, shift):
    codes, latencies = run(TABLE, shift, accs, gaps)
    assert codes == expected(TABLE, shift, accs)
    assert set(latencies) == {LATENCY}


@pytest.mark.parametrize("cfg", [ActivationTableConfig(12, 11, 3), ActivationTableConfig(6, 2, 13)])
def test_other_widths(cfg):
    table = np.random.default_rng(2).integers(-(1 << cfg.code_width - 1), 1 << cfg.code_width - 1, 1 << cfg.index_width)
    accs = corners(1, cfg)
    assert run(table, 1, accs, cfg=cfg)[0] == expected(table, 1, accs, cfg)


def test_most_negative_code_keeps_its_sign():
    assert run(np.full(16, -16), 0, [0])[0] == [-16]


@pytest.mark.parametrize("acc_width, index_width", [(4, 4), (33, 10)])
def test_impossible_widths_are_refused(acc_width, index_width):
    with pytest.raises(ValueError, match=rf"acc_width must be above index_width \({index_width}\) and at most 32, not {acc_width}"):
        ActivationTableConfig(acc_width, index_width, 8)
