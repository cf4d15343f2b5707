"""Fifo in Migen's simulator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.cores.fifo import Fifo
from tests.gateware.streams import clocks, feed, simulate, take, valid_without_ready, values

memories = pytest.mark.parametrize("block_ram", [False, True], ids=["LUT RAM", "block RAM"])
gaps = st.lists(st.integers(0, 12), max_size=12)


def beats_of(count):
    return [{"data": (37 * i + 5) % 256, "last": int(i % 3 == 0)} for i in range(count)]


def run(depth, beats, feed_gaps=(), take_gaps=(), block_ram=False):
    dut, taken = Fifo(8, depth, block_ram), []
    simulate(dut, feed(dut.sink, beats, feed_gaps), take(dut.source, taken, len(beats), take_gaps))
    return taken


@memories
@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 30), feed_gaps=gaps, take_gaps=gaps)
def test_fifo_loses_and_doubles_nothing_under_any_stalls(block_ram, count, feed_gaps, take_gaps):
    assert [beat for _, beat in run(8, beats_of(count), feed_gaps, take_gaps, block_ram)] == beats_of(count)


@memories
@pytest.mark.parametrize("depth", [8, 16, 64])
def test_fifo_passes_a_word_per_clock(depth, block_ram):
    taken = [clock for clock, _ in run(depth, beats_of(3 * depth), block_ram=block_ram)]
    assert taken == list(range(taken[0], taken[0] + 3 * depth))


@memories
@pytest.mark.parametrize("depth", [8, 16, 64])
def test_at_least_depth_less_three_words_fit_and_all_come_out(depth, block_ram):
    dut, taken, offered = Fifo(8, depth, block_ram), [], beats_of(2 * depth)
    accepted = []

    def fill():
        yield from feed(dut.sink, offered)

    def count_then_drain():
        for _ in range(3 * depth):
            yield
            if (yield dut.sink.valid) and (yield dut.sink.ready):
                accepted.append((yield dut.sink.data))
        yield from take(dut.source, taken, len(offered))

    simulate(dut, fill(), count_then_drain())
    assert depth - 3 <= len(accepted) <= depth + 1 + block_ram  # The latch of the block RAM holds one more.
    assert values(taken) == [beat["data"] for beat in offered]


@memories
def test_a_word_comes_out_though_no_other_follows(block_ram):
    assert len(run(8, beats_of(1), block_ram=block_ram)) == 1


def test_valid_does_not_wait_for_ready():
    dut = Fifo(8, 8)
    simulate(dut, feed(dut.sink, beats_of(1)), valid_without_ready(dut.source))


def test_full_and_empty_again_and_again():
    assert [beat for _, beat in run(8, beats_of(60), take_gaps=([30] + [0] * 9) * 5)] == beats_of(60)


def test_an_empty_fifo_offers_nothing():
    dut, seen = Fifo(8, 8), []

    def process():
        yield dut.source.ready.eq(1)
        for _ in range(5):
            seen.append((yield dut.source.valid))
            yield
        yield from feed(dut.sink, beats_of(1))
        yield from clocks(5)
        seen.append((yield dut.source.valid))

    simulate(dut, process())
    assert seen == [0] * 6


@pytest.mark.parametrize("depth", [0, 4, 12, 63])
def test_impossible_depths_are_refused(depth):
    with pytest.raises(ValueError, match=f"depth must be a power of two of at least 8, not {depth}"):
        Fifo(8, depth)
