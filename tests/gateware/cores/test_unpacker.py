"""Unpacker in Migen's simulator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.cores.unpacker import Unpacker
from tests.gateware.streams import feed, simulate, take, valid_without_ready, values


def run(beats, feed_gaps=(), take_gaps=(), beat_width=64, word_width=8):
    dut, taken = Unpacker(beat_width, word_width), []
    words = len(beats) * beat_width // word_width
    simulate(
        dut,
        feed(dut.sink, [{"data": beat} for beat in beats], feed_gaps),
        take(dut.source, taken, words, take_gaps),
    )
    return taken


def words_of(beats, beat_width=64, word_width=8):
    return [beat >> low & (1 << word_width) - 1 for beat in beats for low in range(0, beat_width, word_width)]


BEATS = [0x8877665544332211, 0xFFEEDDCCBBAA9900, 0, 0xFFFFFFFFFFFFFFFF, 0x0123456789ABCDEF]


@pytest.mark.parametrize("word_width", [8, 16, 32])
def test_lowest_bits_come_first(word_width):
    assert values(run(BEATS, word_width=word_width), "word") == words_of(BEATS, word_width=word_width)


@pytest.mark.parametrize("word_width", [8, 16])
def test_a_word_per_clock_without_bubbles(word_width):
    clocks = [clock for clock, _ in run(BEATS, word_width=word_width)]
    assert clocks == list(range(clocks[0], clocks[0] + len(BEATS) * 64 // word_width))


@settings(max_examples=25, deadline=None)
@given(
    beats=st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=5),
    feed_gaps=st.lists(st.integers(0, 8), max_size=5),
    take_gaps=st.lists(st.integers(0, 4), max_size=20),
)
def test_right_under_any_stalls(beats, feed_gaps, take_gaps):
    assert values(run(beats, feed_gaps, take_gaps, 16, 4), "word") == words_of(beats, 16, 4)


def test_valid_does_not_wait_for_ready():
    dut = Unpacker(16, 8)
    simulate(dut, feed(dut.sink, [{"data": 1}]), valid_without_ready(dut.source))


def test_one_beat_is_held_ahead():
    dut, accepted = Unpacker(16, 8), []

    def process():
        yield dut.sink.valid.eq(1)
        for _ in range(20):
            yield
            accepted.append((yield dut.sink.valid) & (yield dut.sink.ready))

    simulate(dut, process())
    assert sum(accepted) == 2


def test_beats_that_hold_no_whole_words_are_refused():
    with pytest.raises(ValueError, match="beat_width must be a multiple of word_width, not 64 of 24"):
        Unpacker(64, 24)
