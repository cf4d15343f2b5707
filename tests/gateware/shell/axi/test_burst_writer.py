"""BurstWriter in Migen's simulator on a memory with stalls."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.shell.axi.axi3 import Axi3Port
from gateware.shell.axi.burst_writer import BurstWriter
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
from tests.gateware.streams import clocks, feed, simulate

BASE = 0x1FFF_F000 - 3 * 128  # Commands from this address cross 4 KiB boundaries.
START_TO_DATA = 4
OUT_BEATS = 2  # Beats that may be in the output buffer when abort rises.


def build(**memory):
    port = Axi3Port(64, 6)
    return BurstWriter(port), Memory(port, **memory)


def beats_of(address, count):
    return [{"data": data_at(address + 8 * i)} for i in range(count)]


def written(memory):
    return {address: data for _, address, data, strobes in memory.beats if strobes == 0xFF}


def expected(address, beats):
    return {address + 8 * i: data_at(address + 8 * i) for i in range(beats)}


def write(dut, memory, address, beats, gaps=()):
    yield from start(dut, address, beats)
    yield from clocks(START_TO_DATA)
    yield from feed(dut.sink, beats_of(address, beats), gaps)
    yield from until(dut.idle)
    assert memory.unanswered == 0 and sum(burst.sent for burst in memory.writes) == sum(
        burst.beats for burst in memory.writes
    )


def pour(dut, address):
    """Send beat after beat until abort."""
    yield from until(dut.start)
    yield from clocks(START_TO_DATA)
    yield dut.sink.valid.eq(1)
    while not (yield dut.abort):
        yield dut.sink.data.eq(data_at(address))
        yield
        if (yield dut.sink.ready):
            address += 8
    yield dut.sink.valid.eq(0)


@pytest.mark.parametrize("beats", [1, 15, 16, 17, 32, 33, 100])
@pytest.mark.parametrize("ready", [STEADY, OFTEN, RARELY])
def test_right_data_in_bursts_of_sixteen_the_last_one_shorter(beats, ready):
    dut, memory = build(ready=ready)
    simulate(dut, write(dut, memory, BASE, beats), memory.process())
    assert written(memory) == expected(BASE, beats) and len(memory.beats) == beats
    assert shapes(memory.writes) == expected_shapes(BASE, beats)


@settings(max_examples=15, deadline=None)
@given(
    beats=st.integers(1, 60),
    ready=st.sampled_from([STEADY, OFTEN, RARELY]),
    seed=st.integers(0, 99),
    gaps=st.lists(st.integers(0, 40), max_size=30),
    page=st.integers(0, 31),
)
def test_right_data_under_any_stalls(beats, ready, seed, gaps, page):
    address = BASE + 128 * page
    dut, memory = build(ready=ready, seed=seed)
    simulate(dut, write(dut, memory, address, beats, gaps), memory.process())
    assert written(memory) == expected(address, beats) and len(memory.beats) == beats


def test_an_address_goes_out_when_all_its_beats_are_there():
    dut, memory = build()

    def process():
        yield from start(dut, BASE, 17)
        yield from clocks(START_TO_DATA)
        for number, beat in enumerate(beats_of(BASE, 17)):
            yield from clocks(20)
            assert len(memory.writes) == (1 if number == 16 else 0)
            yield from feed(dut.sink, [beat])
        yield from until(dut.idle)

    simulate(dut, process(), memory.process())
    assert shapes(memory.writes) == expected_shapes(BASE, 17)


@pytest.mark.parametrize("lengths", [(1, 1, 1), (16, 1, 17), (33, 100, 2), (15, 16, 16)])
def test_commands_follow_each_other(lengths):
    dut, memory = build(ready=OFTEN)
    commands = [(4096 * i, beats) for i, beats in enumerate(lengths)]

    def process():
        for address, beats in commands:
            yield from write(dut, memory, address, beats)

    simulate(dut, process(), memory.process())
    assert written(memory) == {
        address: data for command in commands for address, data in expected(*command).items()
    }
    assert shapes(memory.writes) == [burst for command in commands for burst in expected_shapes(*command)]


def test_not_idle_before_the_last_response():
    dut, memory = build()

    def process():
        yield from start(dut, BASE, 16)
        yield from clocks(START_TO_DATA)
        yield from feed(dut.sink, beats_of(BASE, 16))
        while len(memory.beats) < 15:
            yield
        memory.ready = 0.02
        while memory.unanswered:
            assert not (yield dut.idle)
            yield
        yield from until(dut.idle, limit=4)

    simulate(dut, process(), memory.process())


@pytest.mark.parametrize("ready", [STEADY, OFTEN, RARELY])
@pytest.mark.parametrize("after", [0, 1, 5, 17, 18, 19, 20, 21, 22, 25, 30, 33, 36, 40, 60])
def test_after_abort_owed_beats_go_out_without_strobes_and_every_response_is_awaited(after, ready):
    dut, memory = build(ready=ready, seed=after)

    def process():
        yield from start(dut, BASE, 100)
        yield from clocks(START_TO_DATA)
        yield from clocks(after)
        clock = memory.clock
        yield from abort(dut)
        assert memory.unanswered == 0 and all(burst.sent == burst.beats for burst in memory.writes)
        late = [strobes for when, _, _, strobes in memory.beats if when > clock + 1]
        assert set(late[OUT_BEATS:]) <= {0} and late == sorted(late, reverse=True)
        assert written(memory).items() <= expected(BASE, 100).items()
        asked = len(memory.writes)
        yield from clocks(30)
        assert len(memory.writes) == asked
        memory.beats.clear()
        yield from start(dut, BASE + 8192, 20)
        yield from clocks(20)
        assert len(memory.writes) == asked  # Beats that were sent before the abort do not count.
        yield from feed(dut.sink, beats_of(BASE + 8192, 20))
        yield from until(dut.idle)

    simulate(dut, process(), pour(dut, BASE), memory.process())
    assert written(memory) == expected(BASE + 8192, 20)


@pytest.mark.parametrize("error", [2, DECERR])
@pytest.mark.parametrize("number", [0, 1, 6])
def test_an_error_is_reported_with_its_burst(number, error):
    """The 100 beats are seven bursts; each of them fails once."""
    dut, memory = build(ready=OFTEN, error_at=(BASE + 128 * number, BASE + 128 * (number + 1)), error=error)

    def process():
        yield from start(dut, BASE, 100)
        yield from clocks(START_TO_DATA)
        yield dut.sink.valid.eq(1)
        yield from until(dut.failed)
        assert (yield dut.error_address) == BASE + 128 * number
        yield from clocks(100)
        assert (yield dut.error_address) == BASE + 128 * number  # The first error counts.
        asked = len(memory.writes)
        yield dut.sink.valid.eq(0)
        yield from abort(dut)
        assert len(memory.writes) == asked and memory.unanswered == 0
        memory.error_at = ()
        memory.beats.clear()
        yield from write(dut, memory, BASE, 17)
        assert not (yield dut.failed)

    simulate(dut, process(), memory.process())
    assert written(memory) == expected(BASE, 17)
