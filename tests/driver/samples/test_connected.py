"""Connected parts of masks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lst_overlay.samples.connected import connected_parts


def flooded(mask):
    """Label a mask by filling it from each point that has no label yet."""
    label = np.full(mask.shape, -1)
    for start in np.argwhere(mask):
        if label[tuple(start)] >= 0:
            continue
        waiting, number = [tuple(start)], label.max() + 1
        while waiting:
            y, x = waiting.pop()
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and label[y, x] < 0:
                label[y, x] = number
                waiting += [(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return label


@settings(max_examples=100, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans()))
def test_parts_are_those_of_a_flood_fill(mask):
    np.testing.assert_array_equal(connected_parts(mask, mask.astype(float)).label, flooded(mask))


def test_parts_that_meet_late_are_one():
    """Parts of this mask wind so much that many are joined only after others were."""
    mask = np.random.default_rng(4).random((120, 160)) < 0.35
    np.testing.assert_array_equal(connected_parts(mask, mask.astype(float)).label, flooded(mask))


def spiral(size):
    """Return a line that winds inwards, one pixel wide."""
    mask = np.zeros((size, size), bool)
    top, bottom, left, right = 0, size - 1, 0, size - 1
    while top < bottom and left < right:
        mask[top, left : right + 1] = mask[top : bottom + 1, right] = True
        mask[bottom, left + 1 : right + 1] = mask[top + 2 : bottom + 1, left + 1] = True
        top, bottom, left, right = top + 2, bottom - 2, left + 1, right - 2
        left += 1
    return mask


def test_a_spiral_is_connected():
    parts = connected_parts(spiral(201), np.ones((201, 201)))
    np.testing.assert_array_equal(parts.label, flooded(spiral(201)))


def test_bounds_mass_and_neighbourhood():
    mask = np.zeros((9, 12), bool)
    mask[1:3, 2:6] = mask[3, 6] = mask[7, 10] = True  # The second touches the first at a corner.
    parts = connected_parts(mask, np.arange(108.0).reshape(9, 12))
    assert list(zip(parts.top, parts.bottom, parts.left, parts.right)) == [(1, 4, 2, 7), (7, 8, 10, 11)]
    assert parts.mass[1] == 7 * 12 + 10
    assert parts.bounds(np.array([True, True])) == (1, 8, 2, 11)
    assert parts.within(0, 1, 0, 1, 0).tolist() == [False, False]
    assert parts.within(0, 1, 0, 1, 1).tolist() == [True, False]
    assert parts.within(5, 6, 8, 9, 1.5).tolist() == [True, True]


def test_an_empty_mask_has_no_parts():
    parts = connected_parts(np.zeros((3, 4), bool), np.ones((3, 4)))
    assert len(parts.top) == 0 and (parts.label == -1).all()
