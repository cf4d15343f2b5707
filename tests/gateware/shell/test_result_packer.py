"""ResultPacker in Migen's simulator, in the layouts that the driver unpacks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.shell.result_packer import ResultPacker
from lst_overlay.memory.results import (
    MODE_CLASSES,
    MODE_LOGITS,
    RESULT,
    result_bytes,
    unpack_classes,
    unpack_logits,
)
from lst_overlay.registers import ResultMode
from tests.gateware.streams import NO_GAPS, clocks, feed, simulate, take, values

counts = pytest.mark.parametrize("count", [1, 7, 8, 9, 17])


def random_results(count, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(-(2**31), 2**31, (count, 10)), rng.integers(0, 10, count)


def words_of(logits, classes):
    return [
        {"word": int(word), "last": int(i == 10)}
        for row, class_ in zip(logits, classes)
        for i, word in enumerate([*row, class_])
    ]


def run(mode, batches, feed_gaps=NO_GAPS, take_gaps=NO_GAPS):
    """Returns the bytes of each batch."""
    dut, written = ResultPacker(), []

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

    ends = np.cumsum([result_bytes(mode, len(classes)) // 8 for _, classes in batches])

    def expected_so_far(classes):
        return next(end for end, batch in zip(ends, batches) if batch[1] is classes)

    simulate(dut, source(), take(dut.source, written, int(ends[-1]), take_gaps))
    raw = np.array(values(written), dtype="<u8").view(np.uint8)
    return np.split(raw, ends[:-1] * 8)


def test_the_driver_and_the_gateware_mean_the_same_modes():
    assert (MODE_CLASSES, MODE_LOGITS) == (ResultMode.CLASSES, ResultMode.LOGITS)


@counts
def test_classes_fill_bytes_and_the_rest_of_the_last_beat_is_zero(count):
    _, classes = batch = random_results(count)
    (raw,) = run(ResultMode.CLASSES, [batch])
    np.testing.assert_array_equal(unpack_classes(raw, count), classes)
    assert len(raw) == -(-count // 8) * 8 and not raw[count:].any()


@counts
def test_logits_come_with_class_and_image_number(count):
    logits, classes = batch = random_results(count)
    (raw,) = run(ResultMode.LOGITS, [batch])
    np.testing.assert_array_equal(unpack_logits(raw, count), logits)
    np.testing.assert_array_equal(raw.view(RESULT)["class"], classes)
    np.testing.assert_array_equal(raw.view(RESULT)["number"], np.arange(count))


@pytest.mark.parametrize("mode", ResultMode)
def test_a_batch_begins_afresh(mode):
    """Bytes and numbers of the batch before do not show, even if it ended in mid-beat."""
    batches = [random_results(count, seed) for seed, count in enumerate((3, 1, 9))]
    for batch, raw in zip(batches, run(mode, batches)):
        np.testing.assert_array_equal(raw, run(mode, [batch])[0])


@settings(max_examples=25, deadline=None)
@given(
    mode=st.sampled_from(ResultMode),
    count=st.integers(1, 10),
    feed_gaps=st.lists(st.integers(0, 9), max_size=20),
    take_gaps=st.lists(st.integers(0, 30), max_size=6),
)
def test_right_under_any_stalls(mode, count, feed_gaps, take_gaps):
    batch = random_results(count)
    np.testing.assert_array_equal(run(mode, [batch], feed_gaps, take_gaps)[0], run(mode, [batch])[0])


def test_it_takes_a_word_every_other_clock():
    """An image with logits, eleven words, in 22 clocks: the fastest engine needs 28."""
    dut, taken = ResultPacker(), []

    def source():
        yield dut.images.eq(2)
        yield dut.logits_mode.eq(1)
        yield dut.start.eq(1)
        yield
        yield dut.start.eq(0)
        yield from feed(dut.sink, words_of(*random_results(2)))

    simulate(dut, source(), take(dut.source, taken, 12))
    assert taken[11][0] - taken[5][0] == 22
