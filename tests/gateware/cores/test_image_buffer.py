"""Conversion of beats to rows, image buffer and admission, in Migen's simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal, run_simulation

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.shared_image_buffer import SharedImageBuffer
from gateware.engines.admission import BufferedAdmission
from gateware.engines.row_parallel.row_counter import RowCounter
from gateware.engines.row_parallel.rows import ByteRows, PackedRows
from lst_overlay.memory.images import GROUP, ImageLayout
from lst_overlay.network import pixel_codes
from lst_overlay.registers import BURST_BEATS


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
        (ImageLayout((28, 28), 2, 2), 2),
        (ImageLayout((28, 28), 4, 4), 4),
        (ImageLayout((28, 28)), 2),
        (ImageLayout((28, 28)), 3),
        (ImageLayout((28, 28)), 4),
        (ImageLayout((9, 32), 2, 2), 2),
        (ImageLayout((10, 20), 4, 4), 4),
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
    if layout.packed_bits:  # the ports of a buffer read its bursts alternately
        bursts = np.arange(len(beats[0])) // BURST_BEATS
        beats = [words[bursts % 2 == place] for place in range(2) for words in beats]
        dut = PackedRows(bits, layout.shape[1], layout.buffers)
    else:
        dut = ByteRows(bits, layout.shape[1])
    expected = [
        sum(int(code) << bits * place for place, code in enumerate(row))
        for row in pixel_codes(images, bits)[0]
    ]
    assert run_rows(dut, beats, gaps, room, len(expected)) == expected


def test_packed_rows_of_a_batch_begin_at_the_first_port():
    dut, rows = PackedRows(2, 28, 1), []
    first, second = dut.sinks

    def batch(sink, words):
        yield dut.start.eq(1)
        yield
        yield dut.start.eq(0)
        yield sink.valid.eq(1)
        for word in words:
            yield sink.data.eq(word)
            yield
            assert (yield sink.ready)
        yield sink.valid.eq(0)

    def batches():
        yield dut.room.eq(1)
        yield from batch(first, range(16))
        yield second.valid.eq(1)
        yield second.data.eq(99)
        yield
        yield second.valid.eq(0)
        yield from batch(first, range(16, 32))
        yield

    def watch():
        for _ in range(60):
            yield
            if (yield dut.source.valid):
                rows.append((yield dut.source.data))

    run_simulation(dut, [batches(), watch()])
    assert rows == [*range(16), 99, *range(16, 32)]


class Words(LiteXModule):
    """A stand-in for the module that converts beats to words; the test supplies the words."""

    def __init__(self):
        self.sinks = []
        self.source = stream.Endpoint([("data", 8)])
        self.room = Signal()
        self.offers = Signal()
        self.comb += self.source.valid.eq(self.offers & self.room)


class Entrance(LiteXModule):
    """Image buffers and admission for images of four rows of eight bits; ``interval`` replaces a phase."""

    rows = 4

    def __init__(self, ports, credits, interval, filling=0):
        self.row_counter = RowCounter(self.rows + filling)
        self.words = [Words() for _ in range(ports)]
        stores = [SharedImageBuffer(8, self.rows, filling) for _ in range(ports // 2)]
        stores = stores or [ImageBuffer(8, self.rows, 32, filling)]
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
    then=None,
    filling=0,
):
    """Send rows, a list for each port, and return (phase, row) of the admitted rows in order.

    ``clocks`` is filled with the clock of each admitted row, ``stalls`` with (starved, blocked) of every
    clock. ``then``: the rows of another batch, with a clock of ``start`` before.
    """
    batches = [rows] if then is None else [rows, then]
    first = sum(map(len, rows))
    dut, entered, pending, started = Entrance(len(rows), credits, interval, filling), [], [], []
    total = sum(len(values) for batch in batches for values in batch) // dut.rows * (dut.rows + filling)

    def feed(words, batches):
        for batch, values in enumerate(batches):
            while batch and not started:
                yield
            for number, value in enumerate(values):
                for _ in range(gaps[number % len(gaps)]):
                    yield
                yield words.source.data.eq(value)
                yield words.offers.eq(1)
                yield
                yield from wait(words.room)
                yield words.offers.eq(0)

    def watch():
        for clock in range(60 + 30 * total):
            begins = len(batches) == 2 and len(entered) == first and not started
            yield dut.admission.start.eq(begins)
            started.extend([clock] * begins)
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

    run_simulation(dut, [*(feed(*sent) for sent in zip(dut.words, zip(*batches))), watch()])
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


def dealt(rows, ports):
    """Deal the rows of images to ports in groups of GROUP images."""
    owners = np.arange(len(rows)) // (Entrance.rows * GROUP) % ports
    return [np.array(rows)[owners == port].tolist() for port in range(ports)]


@pytest.mark.parametrize("gaps", [(0,), (0, 9, 2), (5,)], ids=str)
@pytest.mark.parametrize("images", [9, 37, 64])
@pytest.mark.parametrize("ports", [2, 4])
def test_images_of_ports_enter_in_groups_of_eight_in_order(ports, images, gaps):
    rows = list(range(4 * images))
    entered = np.reshape(enter(dealt(rows, ports), gaps, filling=3), (images, 7, 2))
    assert entered[:, :4, 1].ravel().tolist() == rows


@pytest.mark.parametrize("ports", [2, 4])
def test_ports_wait_while_their_places_are_full(ports):
    rows = list(range(256))
    # Results leave far more slowly than images arrive.
    entered = enter(dealt(rows, ports), (0,), credits=1, answer_after=30)
    assert [row for _, row in entered] == rows


@pytest.mark.parametrize("images", [9, 13, 24])
@pytest.mark.parametrize("ports", [2, 4])
def test_a_start_returns_to_the_first_port(ports, images):
    rows, others = list(range(4 * images)), list(range(100, 140))
    entered = enter(dealt(rows, ports), (0,), then=dealt(others, ports))
    assert [row for _, row in entered] == rows + others


def test_a_buffer_that_cannot_hold_an_image_is_refused():
    with pytest.raises(
        ValueError, match="depth must be a power of two and hold an image of 28 words and 11 more, not 32"
    ):
        ImageBuffer(56, 28, 32)


def test_an_image_too_short_to_count_between_admissions_is_refused():
    with pytest.raises(ValueError, match="an image must have at least 4 words, not 3"):
        ImageBuffer(56, 3, 32)
