"""ResultPacker in Migen's simulator: its layouts are those that the driver unpacks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.shell.result_packer import ResultPacker
from lst_overlay.memory.results import ResultRecord
from lst_overlay.registers import ResultMode
from tests.gateware.streams import NO_GAPS, clocks, feed, simulate, take, values

counts = pytest.mark.parametrize("count", [1, 7, 8, 9, 17])


TEN = ResultRecord(10, 10)
# Numbers of values in a record: the class is in the low or in the high word of its beat.
records = pytest.mark.parametrize(
    "record", [TEN, ResultRecord(5, 5), ResultRecord(5, 1), ResultRecord(3, 0)], ids=str
)


def random_results(count, seed=1, record=TEN):
    rng = np.random.default_rng(seed)
    return rng.integers(-(2**31), 2**31, (count, record.values)), rng.integers(0, record.classes, count)


def words_of(logits, classes):
    return [
        {"word": int(word), "last": int(i == len(row))}
        for row, class_ in zip(logits, classes)
        for i, word in enumerate([*row, class_])
    ]


def run(mode, batches, feed_gaps=NO_GAPS, take_gaps=NO_GAPS, record=TEN):
    """Run batches and return the bytes of each."""
    dut, written = ResultPacker(record.values), []

    def source():
        for logits, classes in batches:
            yield from clocks(4)
            yield dut.images.eq(len(classes))
            yield dut.logits_mode.eq(int(mode))
            yield dut.start.eq(1)
            yield
            yield dut.start.eq(0)
            yield
            yield from feed(dut.sink, words_of(logits, classes), feed_gaps)
            while len(written) < expected_so_far(classes):
                yield
        yield from clocks(10)
        assert not (yield dut.source.valid)

    ends = np.cumsum([record.bytes(mode, len(classes)) // 8 for _, classes in batches])

    def expected_so_far(classes):
        return next(end for end, batch in zip(ends, batches) if batch[1] is classes)

    simulate(dut, source(), take(dut.source, written, int(ends[-1]), take_gaps))
    raw = np.array(values(written), dtype="<u8").view(np.uint8)
    return np.split(raw, ends[:-1] * 8)


@records
@counts
def test_classes_fill_bytes_and_the_rest_of_the_last_beat_is_zero(count, record):
    _, classes = batch = random_results(count, record=record)
    (raw,) = run(ResultMode.CLASSES, [batch], record=record)
    np.testing.assert_array_equal(record.unpack(ResultMode.CLASSES, raw, count), classes)
    assert len(raw) == -(-count // 8) * 8 and not raw[count:].any()


@records
@counts
def test_logits_come_with_class_and_image_number(count, record):
    logits, classes = batch = random_results(count, record=record)
    (raw,) = run(ResultMode.LOGITS, [batch], record=record)
    np.testing.assert_array_equal(record.unpack(ResultMode.LOGITS, raw, count), logits)
    found = raw.view(record.dtype)
    np.testing.assert_array_equal(found["class"], classes)
    np.testing.assert_array_equal(found["number"], np.arange(count))
    assert "padding" not in record.dtype.names or not found["padding"].any()


@pytest.mark.parametrize("record", [TEN, ResultRecord(5, 5)], ids=str)
@pytest.mark.parametrize("mode", ResultMode)
def test_a_batch_begins_afresh(mode, record):
    """Bytes and image numbers of the batch before do not appear, even if it ended within a beat."""
    batches = [random_results(count, seed, record) for seed, count in enumerate((3, 1, 9))]
    for batch, raw in zip(batches, run(mode, batches, record=record)):
        np.testing.assert_array_equal(raw, run(mode, [batch], record=record)[0])


@settings(max_examples=25, deadline=None)
@given(
    mode=st.sampled_from(ResultMode),
    values=st.integers(0, 12),
    count=st.integers(1, 10),
    feed_gaps=st.lists(st.integers(0, 9), max_size=20),
    take_gaps=st.lists(st.integers(0, 30), max_size=6),
)
def test_right_under_any_stalls(mode, values, count, feed_gaps, take_gaps):
    record = ResultRecord(10, values)
    batch = random_results(count, record=record)
    stalled = run(mode, [batch], feed_gaps, take_gaps, record)[0]
    np.testing.assert_array_equal(stalled, run(mode, [batch], record=record)[0])


def test_it_takes_a_word_every_other_clock():
    """An image with logits has eleven words and takes 22 clocks; the fastest engine needs 28."""
    dut, taken = ResultPacker(TEN.values), []

    def source():
        yield dut.images.eq(2)
        yield dut.logits_mode.eq(1)
        yield dut.start.eq(1)
        yield
        yield dut.start.eq(0)
        yield from feed(dut.sink, words_of(*random_results(2)))

    simulate(dut, source(), take(dut.source, taken, 12))
    assert taken[11][0] - taken[5][0] == 22
