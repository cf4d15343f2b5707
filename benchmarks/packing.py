"""A million images through `predict` for each layout, on a board that finishes at once.

    python -m benchmarks.packing

The baseline is NumPy's copy of the same uint8 images into an array of theirs, measured in the same rounds.
*fill* puts the images where and as the accelerator reads them, which packs them where the engine takes packed
pixels. All times are the processor's and medians of the rounds.
"""

import platform
import time
from functools import partial
from typing import Any, Dict, Iterator, List

import numpy as np

from benchmarks.driver import overlay_of
from lst_overlay.memory.images import ImageLayout
from pages.page import as_json

IMAGES, ROUNDS = 10_000, 100
LAYOUTS = ((1, 0), (2, 0), (4, 0), (2, 2), (4, 2), (4, 4))  # ports, bits


def median_seconds(*functions) -> List[float]:
    """Return the median of each function's seconds in ROUNDS rounds, in which they alternate."""
    seconds = np.empty((ROUNDS, len(functions)))
    for times in seconds:
        for number, function in enumerate(functions):
            begun = time.process_time()
            function()
            times[number] = time.process_time() - begun
    return np.median(seconds, axis=0).tolist()


def layouts() -> Iterator[Dict[str, Any]]:
    """Measure `predict`, the filling of its buffers and the baseline for each layout."""
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 784), dtype=np.uint8)
    into = np.empty_like(images)
    for ports, bits in LAYOUTS:
        layout = ImageLayout((28, 28), ports, bits)
        overlay = overlay_of(layout)
        buffers = [np.empty((IMAGES, layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
        predicting, filling, copying = median_seconds(
            partial(overlay.predict, images),
            partial(layout.fill, images, buffers),
            partial(np.copyto, into, images),
        )
        yield {
            "pixels": layout.name,
            "bits": bits or 8,
            "ports": ports,
            "images_per_second": IMAGES / predicting,
            "fill_ns_per_image": 1e9 * filling / IMAGES,
            "copy_ns_per_image": 1e9 * copying / IMAGES,
            "fill_over_copy": filling / copying,
        }


def main() -> None:
    print(
        as_json(
            {
                "layouts": list(layouts()),
                "images": IMAGES * ROUNDS,
                "rounds": ROUNDS,
                "machine": platform.machine(),
                "numpy": np.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
