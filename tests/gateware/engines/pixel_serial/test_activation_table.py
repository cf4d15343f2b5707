"""ActivationTable in Migen's simulator: shift, saturation, look-up in a common or a channel's table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.engines.pixel_serial.activation_table import ActivationTable, ActivationTableConfig
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch

CFG = ActivationTableConfig(acc_width=32, index_width=4, code_width=5, lanes=5, index_width_per_channel=2)
LATENCY = 7
TABLE = np.random.default_rng(1).integers(-16, 16, 16)
TABLES = np.random.default_rng(2).integers(-16, 16, (5, 4))
INDEXES = np.arange(-8, 8)


def run(table, shift, accs, gaps=(), cfg=CFG):
    """Send accumulators, interleaved over the lanes; return codes and latencies.

    table: (entries,) for all lanes or (lanes, entries).
    """
    dut, offered, beats = ActivationTable(cfg), [], []
    depth = 1 << cfg.index_width_per_channel

    def process():
        yield dut.shift.eq(shift)
        yield dut.per_channel.eq(np.ndim(table) == 2)
        yield from feed(
            dut.load,
            [
                {"lane": i // depth, "address": i % depth, "data": int(code)}
                for i, code in enumerate(np.ravel(table))
            ],
        )
        yield from feed(
            dut.sink, [{"acc": int(acc), "lane": i % cfg.lanes} for i, acc in enumerate(accs)], gaps
        )
        yield from idle(LATENCY + 2)

    simulate(dut, process(), watch(dut.sink, offered), watch(dut.source, beats))
    return values(beats, "code"), [after - before for (before, _), (after, _) in zip(offered, beats)]


def expected(table, shift, accs, cfg=CFG):
    tables = np.atleast_2d(table)
    half = tables.shape[1] // 2
    return [
        int(tables[i % cfg.lanes % len(tables), min(max(int(acc) >> shift, -half), half - 1) + half])
        for i, acc in enumerate(accs)
    ]


def corners(shift, cfg=CFG):
    """Return accumulators around every step of the index and at the ends of their range."""
    low, high = -(1 << cfg.acc_width - 1), (1 << cfg.acc_width - 1) - 1
    near = {(index << shift) + offset for index in range(-10, 11) for offset in (-1, 0, 1)}
    return sorted({low, low + 1, high - 1, high, -1, 0, 1} | {acc for acc in near if low <= acc <= high})


@pytest.mark.parametrize("shift", range(32))
def test_code_of_every_index_and_both_ends(shift):
    assert run(TABLE, shift, corners(shift))[0] == expected(TABLE, shift, corners(shift))


@pytest.mark.parametrize("shift", [0, 3, 6, 20, 31])
def test_code_of_every_index_and_both_ends_from_each_channels_own_table(shift):
    accs = np.repeat(corners(shift), CFG.lanes)
    assert run(TABLES, shift, accs)[0] == expected(TABLES, shift, accs)


SATURATION = [
    (-(2**31), -8),
    (-9 * 4, -8),
    (-8 * 4 - 1, -8),
    (-8 * 4, -8),
    (8 * 4 - 1, 7),
    (8 * 4, 7),
    (2**31 - 1, 7),
]


@pytest.mark.parametrize("acc, index", SATURATION)
def test_indexes_saturate_at_both_ends(acc, index):
    assert run(INDEXES, 2, [acc])[0] == [index]


@pytest.mark.parametrize(
    "acc, index",
    [(acc, max(-2, min(index, 1))) for acc, index in SATURATION]
    + [
        (-4 * 4, -2),
        (-3 * 4, -2),
        (-2 * 4 - 1, -2),
        (-2 * 4, -2),
        (-4 - 1, -2),
        (-4, -1),
        (4 - 1, 0),
        (4, 1),
        (2 * 4, 1),
        (4 * 4, 1),
    ],
)
def test_the_narrower_index_of_a_channels_own_table_saturates_earlier(acc, index):
    tables = np.tile(INDEXES[6:10], (5, 1))
    assert run(tables, 2, [acc] * 5)[0] == [index] * 5


@pytest.mark.parametrize("shift", [1, 2, 7, 28])
def test_with_half_a_step_in_the_bias_ties_go_up(shift):
    half = 1 << shift - 1
    ties = [(index << shift) + half for index in range(-7, 7)]
    below = [tie - 1 for tie in ties]
    assert run(INDEXES, shift, [tie + half for tie in ties])[0] == list(range(-6, 8))
    assert run(INDEXES, shift, [acc + half for acc in below])[0] == list(range(-7, 7))


@pytest.mark.parametrize("table", [TABLE, TABLES], ids=["one for all", "one for each"])
def test_one_code_per_clock_seven_clocks_later(table):
    codes, latencies = run(table, 3, range(-100, 100, 7))
    assert latencies == [LATENCY] * len(codes) == [LATENCY] * 29
    assert codes == expected(table, 3, range(-100, 100, 7))


@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), max_size=12),
    accs=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=12),
    shift=st.integers(0, 31),
    table=st.sampled_from([TABLE, TABLES]),
)
def test_gaps_change_nothing(gaps, accs, shift, table):
    codes, latencies = run(table, shift, accs, gaps)
    assert codes == expected(table, shift, accs)
    assert set(latencies) == {LATENCY}


@pytest.mark.parametrize(
    "cfg", [ActivationTableConfig(12, 11, 3, 2, 10), ActivationTableConfig(6, 3, 13, 3, 2)]
)
def test_other_widths(cfg):
    rng, low, high = np.random.default_rng(2), -(1 << cfg.code_width - 1), 1 << cfg.code_width - 1
    for table in (
        rng.integers(low, high, 1 << cfg.index_width),
        rng.integers(low, high, (cfg.lanes, 1 << cfg.index_width_per_channel)),
    ):
        accs = corners(1, cfg)
        assert run(table, 1, accs, cfg=cfg)[0] == expected(table, 1, accs, cfg)


def test_most_negative_code_keeps_its_sign():
    assert run(np.full(16, -16), 0, [0])[0] == [-16]


@pytest.mark.parametrize("acc_width, index_width", [(4, 4), (33, 10)])
def test_impossible_widths_are_refused(acc_width, index_width):
    with pytest.raises(
        ValueError,
        match=rf"acc_width must be above index_width \({index_width}\) and at most 32, not {acc_width}",
    ):
        ActivationTableConfig(acc_width, index_width, 8, 28, 8)


@pytest.mark.parametrize("width", [1, 10])
def test_impossible_widths_per_channel_are_refused(width):
    with pytest.raises(
        ValueError,
        match=rf"index_width_per_channel must be at least 2 and below index_width \(10\), not {width}",
    ):
        ActivationTableConfig(32, 10, 8, 28, width)


def test_too_few_channels_for_the_table_of_all_are_refused():
    with pytest.raises(
        ValueError, match=r"tables of 2 channels .* address_width must be at least index_width \(10\), not 9"
    ):
        ActivationTableConfig(32, 10, 8, 2, 8)
