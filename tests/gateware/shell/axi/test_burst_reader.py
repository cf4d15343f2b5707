"""BurstReader in Migen's simulator on a memory with stalls."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.shell.axi.axi3 import Axi3Port
from gateware.shell.axi.burst_reader import BurstReader
from tests.gateware.shell.axi.memory import (
    DECERR,
    OFTEN,
    RARELY,
    STEADY,
    Memory,
    abort,
    data_at,
    expected_shapes,
    shapes,
    start,
    until,
)
from tests.gateware.streams import clocks, simulate, take, values

BASE = 0x1FFF_F000 - 3 * 128  # Commands from this address cross 4 KiB boundaries.
FIFO_BEATS = 64


def build(fifo_beats=FIFO_BEATS, **memory):
    port = Axi3Port(64, 6)
    return BurstReader(port, fifo_beats), Memory(port, **memory)


def expected_data(address, beats):
    return [data_at(address + 8 * i) for i in range(beats)]


def read(address, beats, gaps=(), **settings_):
    """Run a command until the reader is idle and return the memory and the data."""
    dut, memory = build(**settings_)
    taken = []

    def command():
        yield from start(dut, address, beats)
        yield from until(dut.idle)
        assert memory.unanswered == 0

    simulate(dut, command(), memory.process(), take(dut.source, taken, beats, gaps))
    return memory, values(taken)


@pytest.mark.parametrize("beats", [1, 15, 16, 17, 32, 33, 100])
@pytest.mark.parametrize("ready", [STEADY, OFTEN, RARELY])
def test_right_data_in_bursts_of_sixteen_the_last_one_shorter(beats, ready):
    memory, data = read(BASE, beats, ready=ready)
    assert data == expected_data(BASE, beats)
    assert shapes(memory.reads) == expected_shapes(BASE, beats)


@settings(max_examples=15, deadline=None)
@given(
    beats=st.integers(1, 80),
    ready=st.sampled_from([STEADY, OFTEN, RARELY]),
    seed=st.integers(0, 99),
    gaps=st.lists(st.integers(0, 40), max_size=30),
    page=st.integers(0, 31),
)
def test_right_data_under_any_stalls(beats, ready, seed, gaps, page):
    address = BASE + 128 * page
    memory, data = read(address, beats, gaps, ready=ready, seed=seed)
    assert data == expected_data(address, beats)


def test_a_beat_per_clock_from_a_memory_without_stalls():
    dut, memory = build()
    taken = []

    def command():
        yield from start(dut, BASE, 200)

    simulate(dut, command(), memory.process(), take(dut.source, taken, 200))
    assert taken[-1][0] - taken[0][0] < 200 + 16


def test_no_more_is_asked_for_than_fits():
    dut, memory = build()
    taken = []

    def command():
        yield from start(dut, BASE, 200)
        yield from clocks(300)
        asked = sum(burst.beats for burst in memory.reads)
        assert FIFO_BEATS - 3 - 15 <= asked <= FIFO_BEATS - 3
        yield from take(dut.source, taken, 200)

    simulate(dut, command(), memory.process())
    assert values(taken) == expected_data(BASE, 200)


def test_room_comes_back_whole():
    """If each burst lost a beat of room, a small FIFO would soon hold one burst only."""
    dut, memory = build(fifo_beats=32)
    taken = []
    simulate(dut, start(dut, BASE, 800), memory.process(), take(dut.source, taken, 800))
    assert values(taken) == expected_data(BASE, 800)
    assert taken[-1][0] - taken[0][0] == 799


@pytest.mark.parametrize("lengths", [(1, 1, 1), (16, 1, 17), (33, 100, 2), (15, 16, 16)])
def test_commands_follow_each_other(lengths):
    dut, memory = build(ready=OFTEN)
    taken, commands = [], [(0x4000_0000 * (i % 2) + 4096 * i, beats) for i, beats in enumerate(lengths)]

    def process():
        for address, beats in commands:
            yield from until(dut.idle)
            yield from start(dut, address, beats)

    simulate(dut, process(), memory.process(), take(dut.source, taken, sum(lengths)))
    assert values(taken) == [data for command in commands for data in expected_data(*command)]
    assert shapes(memory.reads) == [burst for command in commands for burst in expected_shapes(*command)]


@pytest.mark.parametrize("ready", [STEADY, RARELY])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 20, 60])
def test_abort_takes_what_is_outstanding_and_asks_for_no_more(after, ready):
    dut, memory = build(ready=ready)
    taken = []

    def process():
        yield from start(dut, BASE, 100)
        yield from clocks(after)
        asked_before = len(memory.reads)
        yield from abort(dut)
        # One address may have waited for the memory when abort rose.
        assert len(memory.reads) - asked_before <= 1
        assert memory.unanswered == 0 and all(burst.sent == burst.beats for burst in memory.reads)
        assert not (yield dut.source.valid)
        asked = len(memory.reads)
        yield from clocks(30)
        assert len(memory.reads) == asked and not (yield dut.source.valid)
        yield from start(dut, BASE + 4096, 20)
        yield from take(dut.source, taken, 20)

    simulate(dut, process(), memory.process())
    assert values(taken) == expected_data(BASE + 4096, 20)


def test_abort_waits_for_a_memory_that_does_not_answer():
    dut, memory = build()

    def process():
        yield from start(dut, BASE, 100)
        yield from clocks(6)
        memory.frozen = True
        yield from clocks(4)
        yield dut.abort.eq(1)
        for _ in range(200):
            yield
            assert not (yield dut.idle)
        memory.frozen = False
        yield from until(dut.idle)
        assert memory.unanswered == 0

    simulate(dut, process(), memory.process())


@pytest.mark.parametrize("error", [2, DECERR])
@pytest.mark.parametrize("number", [0, 1, 6])
def test_an_error_is_reported_with_its_burst(number, error):
    """The 100 beats are seven bursts; each of them fails once."""
    dut, memory = build(ready=OFTEN, error_at=(BASE + 128 * number, BASE + 128 * (number + 1)), error=error)
    taken = []

    def process():
        yield from start(dut, BASE, 100)
        yield dut.source.ready.eq(1)
        yield from until(dut.failed)
        assert (yield dut.error_address) == BASE + 128 * number
        yield from clocks(100)
        assert (yield dut.error_address) == BASE + 128 * number  # The first error counts.
        asked = len(memory.reads)
        yield from abort(dut)
        assert len(memory.reads) == asked and memory.unanswered == 0
        yield dut.source.ready.eq(0)
        memory.error_at = ()
        yield from start(dut, BASE, 17)
        assert not (yield dut.failed)
        yield from take(dut.source, taken, 17)
        assert not (yield dut.failed)

    simulate(dut, process(), memory.process())
    assert values(taken) == expected_data(BASE, 17)
