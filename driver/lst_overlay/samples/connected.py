"""Connected parts of a mask, by the runs of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np


@dataclass(frozen=True)
class Parts:
    """Connected parts of a mask; all arrays but ``label`` have one entry for each part."""

    label: np.ndarray  # (H, W) int64: the number of the part; -1 outside the mask
    top: np.ndarray
    bottom: np.ndarray  # the row behind the last one
    left: np.ndarray
    right: np.ndarray
    mass: np.ndarray  # float64: the sum of the values on the part

    @property
    def height(self) -> np.ndarray:
        return self.bottom - self.top

    @property
    def width(self) -> np.ndarray:
        return self.right - self.left

    @property
    def at_border(self) -> np.ndarray:
        bottom, right = self.label.shape
        return (self.top == 0) | (self.left == 0) | (self.bottom == bottom) | (self.right == right)

    def bounds(self, chosen: np.ndarray) -> Tuple[int, int, int, int]:
        """Return the top, bottom, left and right of the chosen parts together."""
        return (
            int(self.top[chosen].min()),
            int(self.bottom[chosen].max()),
            int(self.left[chosen].min()),
            int(self.right[chosen].max()),
        )

    def within(self, top: int, bottom: int, left: int, right: int, reach: float) -> np.ndarray:
        """Tell of each part whether any of it lies in a rectangle that grows by ``reach`` on all sides."""
        more = int(reach) + 1
        seen = self.label[max(0, top - more) : bottom + more, max(0, left - more) : right + more]
        out = np.zeros(len(self.top), bool)
        out[seen[seen >= 0]] = True
        return out


def connected_parts(mask: np.ndarray, values: np.ndarray) -> Parts:
    """Find the parts of a mask, (H, W) bool, that are connected along sides or corners."""
    wide = mask.shape[1] + 2  # a column of False on either side: no run goes on in the next row
    flat = np.pad(mask, ((0, 0), (1, 1))).ravel()
    bounds = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    start, stop = bounds[::2], bounds[1::2]
    # A run meets those of the next row that begin before its end and end behind its begin, a corner included.
    first = np.searchsorted(stop, start + wide, "left")
    count = np.maximum(np.searchsorted(start, stop + wide, "right") - first, 0)
    upper = np.repeat(np.arange(len(start)), count)
    lower = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
    root = np.arange(len(start))
    while len(upper):
        least = np.minimum(root[upper], root[lower])
        np.minimum.at(root, root[upper], least)
        np.minimum.at(root, root[lower], least)
        while (root != root[root]).any():
            root = root[root]
        apart = root[upper] != root[lower]
        upper, lower = upper[apart], lower[apart]
    roots, number = np.unique(root, return_inverse=True)
    label = np.full(flat.size, -1)
    label[flat] = np.repeat(number, stop - start)
    label = label.reshape(-1, wide)[:, 1:-1]

    def extreme(pick, values, initial):
        out = np.full(len(roots), initial)
        pick.at(out, number, values)
        return out

    row, left, right = start // wide, start % wide - 1, stop % wide - 1
    return Parts(
        label,
        extreme(np.minimum, row, mask.shape[0]),
        extreme(np.maximum, row + 1, 0),
        extreme(np.minimum, left, mask.shape[1]),
        extreme(np.maximum, right, 0),
        np.bincount(label[mask], values[mask], len(roots)),
    )
