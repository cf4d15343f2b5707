"""Argmax in Migen's simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateware.cores.argmax import Argmax
from tests.gateware.streams import clocks as idle
from tests.gateware.streams import feed, simulate, values, watch


def run(images, gaps=(), width=8):
    """Send images, (N, classes), and return the beats of the source with words as signed numbers."""
    images, beats = np.asarray(images), []
    dut = Argmax(width, images.shape[1])
    # A clock without data follows each image, before the gap of the test.
    pauses = [
        int(i % images.shape[1] == 0) + gap
        for i, gap in enumerate([*gaps, *[0] * images.size][: images.size])
    ]

    def process():
        yield from feed(dut.sink, [{"acc": int(acc)} for acc in images.ravel()], pauses)
        yield from idle(4)

    simulate(dut, process(), watch(dut.source, beats))
    words = [(word ^ 1 << width - 1) - (1 << width - 1) for word in values(beats, "word")]
    return np.reshape(words, (-1, images.shape[1] + 1)), np.reshape(
        values(beats, "last"), (-1, images.shape[1] + 1)
    )


def assert_classified(images, gaps=(), width=8):
    words, last = run(images, gaps, width)
    np.testing.assert_array_equal(words[:, :-1], images)
    np.testing.assert_array_equal(words[:, -1], np.argmax(images, axis=1))
    assert last[:, -1].all() and not last[:, :-1].any()


@pytest.mark.parametrize("best", range(5))
def test_the_largest_logit_wins_wherever_it_is(best):
    assert_classified([np.where(np.arange(5) == best, -3, -4)])


@pytest.mark.parametrize(
    "logits", [[7, 7, 7], [-1, 5, 5], [5, -1, 5], [-8, -8, -9], [0, 0, 0], [-128, -128, -128]]
)
def test_ties_go_to_the_lowest_class(logits):
    assert_classified([logits])


def test_the_whole_signed_range_is_compared():
    low, high = -(2**31), 2**31 - 1
    assert_classified(
        [[low, high, 0], [high, low, high], [low, low, low], [-1, 0, low], [-1, low, -2]], width=32
    )


def test_an_image_forgets_the_one_before():
    assert_classified([[100, 120, 110], [-5, -6, -4], [-128, -127, -128]])


@settings(max_examples=25, deadline=None)
@given(
    images=st.lists(st.tuples(*[st.integers(-4, 3)] * 4), min_size=1, max_size=4),
    gaps=st.lists(st.integers(0, 3), max_size=16),
)
def test_gaps_change_nothing(images, gaps):
    assert_classified(np.array(images), gaps, width=3)
