"""Conversion of beats to rows, image buffer and admission, in Migen's simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal, run_simulation

from gateware.cores.image_buffer import ImageBuffer
from gateware.engines.admission import BufferedAdmission
from gateware.engines.row_parallel.row_counter import RowCounter
from gateware.engines.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import pixel_codes


def wait(signal, limit=2000):
    for _ in range(limit):
        if (yield signal):
            return
        yield
    raise AssertionError(f"waited {limit} clocks")


def run_rows(dut, beats, gaps, room, count):
    """Send beats to a converter and return its rows.

    beats: the words for each sink.
    gaps:  clocks without valid before each beat, repeated.
    room:  its value in each clock, repeated.
    count: of the rows.
    """
    rows = []

    def feed(sink, words):
        for number, word in enumerate(words):
            for _ in range(gaps[number % len(gaps)]):
                yield
            yield sink.data.eq(int(word))
            yield sink.valid.eq(1)
            yield
            yield from wait(sink.ready)
            yield sink.valid.eq(0)

    def watch():
        clock = 0
        while len(rows) < count and clock < 20 * len(beats[0]):
            clock += 1
            yield dut.room.eq(room[clock % len(room)])
            yield
            if (yield dut.source.valid):
                rows.append((yield dut.source.data))

    run_simulation(dut, [*(feed(sink, words) for sink, words in zip(dut.sinks, beats)), watch()])
    return rows


@settings(max_examples=3, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=1, max_size=5), room=st.sampled_from([(1,), (1, 0), (0, 0, 1)])
)
@pytest.mark.parametrize(
    "layout, bits",
    [
        (ImageLayout((28, 28), 1, 2), 2),
        (ImageLayout((28, 28), 2, 4), 4),
        (ImageLayout((28, 28)), 2),
        (ImageLayout((28, 28)), 3),
        (ImageLayout((28, 28)), 4),
        (ImageLayout((9, 32), 1, 2), 2),
        (ImageLayout((10, 20), 2, 4), 4),
        (ImageLayout((10, 12)), 5),
        (ImageLayout((9, 16)), 3),
        (ImageLayout((9, 8)), 8),
    ],
    ids=str,
)
def test_rows_hold_the_codes_of_their_pixels(layout, bits, gaps, room):
    images = np.random.default_rng(bits).integers(0, 256, (1, *layout.shape), dtype=np.uint8)
    buffers = [np.empty((1, layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
    layout.fill(images.reshape(1, -1), buffers)
    beats = [buffer.view("<u8").ravel() for buffer in buffers]
    columns = layout.shape[1]
    dut = PackedRows(bits, columns, layout.ports) if layout.packed_bits else ByteRows(bits, columns)
    expected = [
        sum(int(code) << bits * place for place, code in enumerate(row))
        for row in pixel_codes(images, bits)[0]
    ]
    assert run_rows(dut, beats, gaps, room, len(expected)) == expected


class Words(LiteXModule):
    """A stand-in for the module that converts beats to words; the test supplies the words."""

    def __init__(self):
        self.sinks = []
        self.source = stream.Endpoint([("data", 8)])
        self.room = Signal()


class Entrance(LiteXModule):
    """Image buffers and admission for images of four rows of eight bits; ``interval`` replaces a phase."""

    rows = 4

    def __init__(self, buffers, credits, interval, filling=0):
        self.row_counter = RowCounter(self.rows + filling)
        self.words = [Words() for _ in range(buffers)]
        stores = [ImageBuffer(8, self.rows, 32, filling) for _ in range(buffers)]
        timing = (interval,) if interval else (self.rows + filling, self.row_counter.count)
        self.admission = BufferedAdmission(self.words, stores, credits, *timing)
        self.returned = Signal()
        self.comb += self.admission.returned.eq(self.returned)


def enter(
    rows,
    gaps,
    credits=8,
    answer_after=1,
    interval=None,
    clocks=None,
    stalls=None,
    start_after=None,
    filling=0,
):
    """Send rows, a list for each buffer, and return (phase, row) of the admitted rows in order.

    ``clocks`` is filled with the clock of each admitted row, ``stalls`` with (starved, blocked) of every
    clock. ``start`` is high for one clock when ``start_after`` rows have been admitted.
    """
    dut, entered, pending = Entrance(len(rows), credits, interval, filling), [], []
    total = sum(map(len, rows)) // dut.rows * (dut.rows + filling)

    def feed(buffer, values):
        for number, value in enumerate(values):
            for _ in range(gaps[number % len(gaps)]):
                yield
            yield from wait(buffer.room)
            yield buffer.source.data.eq(value)
            yield buffer.source.valid.eq(1)
            yield
            yield buffer.source.valid.eq(0)

    def watch():
        before = 0
        for clock in range(60 + 30 * total):
            yield dut.admission.start.eq(before < len(entered) == start_after)
            before = len(entered)
            yield dut.returned.eq(bool(pending) and pending[0] <= clock)
            if pending and pending[0] <= clock:
                pending.pop(0)
            yield
            if stalls is not None:
                stalls.append(((yield dut.admission.starved), (yield dut.admission.blocked)))
            if (yield dut.admission.source.valid):
                entered.append(((yield dut.row_counter.count), (yield dut.admission.source.data)))
                if clocks is not None:
                    clocks.append(clock)
                if len(entered) % (dut.rows + filling) == 0:
                    pending.append(clock + answer_after)
            if len(entered) == total:
                break

    run_simulation(dut, [*(feed(buffer, values) for buffer, values in zip(dut.words, rows)), watch()])
    return entered


@settings(max_examples=8, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    credits=st.integers(1, 3),
    answer_after=st.integers(1, 20),
)
def test_images_enter_whole_in_order_and_row_r_at_row_counter_r(gaps, credits, answer_after):
    values = np.random.default_rng(0).integers(0, 256, 48).tolist()
    entered = enter([values], gaps, credits, answer_after)
    assert [row for _, row in entered] == values
    assert [row_counter for row_counter, _ in entered] == [number % 4 for number in range(48)]


@settings(max_examples=8, deadline=None)
@given(gaps=st.lists(st.integers(0, 7), min_size=1, max_size=6), filling=st.integers(1, 5))
def test_filling_leaves_right_behind_each_image(gaps, filling):
    values = np.random.default_rng(0).integers(0, 256, 48).tolist()
    entered = np.reshape(enter([values], gaps, filling=filling), (12, 4 + filling, 2))
    assert entered[:, :4, 1].ravel().tolist() == values
    assert (entered[..., 0] == range(4 + filling)).all()


@settings(max_examples=8, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    credits=st.integers(1, 3),
    answer_after=st.integers(1, 20),
)
def test_without_a_row_counter_images_enter_whole_and_in_order(gaps, credits, answer_after):
    values, clocks = np.random.default_rng(0).integers(0, 256, 48).tolist(), []
    assert [row for _, row in enter([values], gaps, credits, answer_after, 15, clocks)] == values
    times = np.reshape(clocks, (-1, 4))
    assert (np.diff(times, axis=1) == 1).all() and (np.diff(times[:, 0]) >= 15).all()


# Each interval is longer than the arrival of an image, so that images wait.
@pytest.mark.parametrize("interval", [20, 21, 40])
def test_images_that_wait_enter_as_soon_as_the_pipeline_is_free(interval):
    clocks = []
    enter([list(range(48))], (0,), interval=interval, clocks=clocks)
    assert np.diff(clocks[::4]).tolist() == [interval] * 11


@pytest.mark.parametrize("interval", [None, 4, 15])
def test_a_clock_without_an_image_is_starved_or_blocked_as_it_lacks_pixels_or_credits(interval):
    rows, clocks, stalls = [list(range(48))], [], []
    # Results leave far more slowly than images arrive.
    enter(rows, (0,), credits=1, answer_after=50, interval=interval, clocks=clocks, stalls=stalls)
    starved, blocked = np.array(stalls)[clocks[3] :].T
    assert not starved.any() and blocked.mean() > 0.5
    clocks, stalls = [], []
    enter(rows, (20,), interval=interval, clocks=clocks, stalls=stalls)
    starved, blocked = np.array(stalls)[clocks[3] :].T
    assert starved.mean() > 0.5 and not blocked.any()


def test_two_buffers_are_interleaved_in_groups_of_eight_images():
    # Groups of eight and eight images, and of eight and one.
    first, second = list(range(0, 64)), list(range(100, 136))
    entered = enter([first, second], (0,))
    assert [row for _, row in entered] == first[:32] + second[:32] + first[32:] + second[32:]


def test_a_start_returns_to_the_first_buffer():
    # A batch of nine images ends in the second buffer; the next one has two images.
    first, second = list(range(0, 40)), list(range(100, 104))
    entered = enter([first, second], (0,), start_after=36)
    assert [row for _, row in entered] == first[:32] + second + first[32:]


def test_a_buffer_that_cannot_hold_an_image_is_refused():
    with pytest.raises(
        ValueError, match="depth must be a power of two and hold an image of 28 words and 11 more, not 32"
    ):
        ImageBuffer(56, 28, 32)


def test_an_image_too_short_to_count_between_admissions_is_refused():
    with pytest.raises(ValueError, match="an image must have at least 4 words, not 3"):
        ImageBuffer(56, 3, 32)
