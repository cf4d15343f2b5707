"""The driver's own time for a call and for an image, on a board that finishes at once.

    python -m benchmarks.driver [--write]

`predict` is measured on a uint8 array and on the same images in device memory, where `pack` put them. The
baseline is the copying alone, measured in the same run: pixels into the buffers (packed where the engine
needs them packed) and classes out of them. *Python* is everything else (registers, checks, slicing), measured
without the copies. The stand-in for the board is itself Python, and its share is given. All times are the
processor's, so that other programs on the machine do not count.
"""

import argparse
import platform
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator
from unittest import mock

import numpy as np

from gateware.reports import ladder
from lst_overlay import LST1Overlay
from lst_overlay.hardware.batches import CHUNK_IMAGES
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.registers import ResultMode
from pages.page import as_json
from tests.boards.instant import InstantBoard
from tests.driver.conftest import write_bitstream
from tests.driver.random_network import random_lst1
from tools import board_package

REPEATS = 30
RECORD = ResultRecord(classes=10, values=10)
BATCHES = (1, 100, 1000, 10_000)
LAYOUTS = ((1, 0), (2, 2), (4, 4))  # ports, bits: Python does the same for any number of ports
STATED_IMAGES = BATCHES[-1]


class FinishedBoard(InstantBoard):
    """A board that answers class 0 at once, its registers mapped as on a real one.

    own_s: seconds spent in the stand-in's own registers.
    """

    capabilities = {"MEMORY_MAPPED": True, "REGISTER_RW": True}
    own_s = 0.0

    def _run(self, registers):
        return 0, 0

    def mmap(self, address, length):
        return Window(self, address)


class Window:
    """A stand-in for the array of registers that pynq maps."""

    def __init__(self, board, address):
        self.board, self.address = board, address

    def __getitem__(self, word):
        begun = time.process_time()
        value = self.board._read(self.address + 4 * word)
        self.board.own_s += time.process_time() - begun
        return value

    def __setitem__(self, word, value):
        begun = time.process_time()
        self.board.write_registers(self.address + 4 * word, int(value).to_bytes(4, "little"))
        self.board.own_s += time.process_time() - begun


def overlay_of(layout: ImageLayout) -> LST1Overlay:
    network, directory = random_lst1(1), Path(tempfile.mkdtemp())
    design = Capabilities(1 if layout.packed_bits else 0, True, layout, RECORD)
    board = FinishedBoard([network], design)
    return LST1Overlay(write_bitstream(directory, capabilities=design), board, network=network)


def copies(overlay: LST1Overlay, images: np.ndarray) -> None:
    """Copy what a batch needs copied, into the same buffers alternately, and do nothing else."""
    sets = overlay._batches._sets
    for number, first in enumerate(range(0, len(images), CHUNK_IMAGES)):
        chunk = images[first : first + CHUNK_IMAGES]
        buffers = sets[number % len(sets)][: len(chunk)]
        buffers.write(chunk)
        buffers.read(ResultMode.CLASSES)


@contextmanager
def copies_left_out() -> Iterator[None]:
    """Let `predict` do everything but copy: the caches would swamp the difference of two measurements."""
    nothing = np.zeros(0, np.int64)
    with mock.patch.object(ImageLayout, "fill", lambda *_: None), mock.patch.object(
        ResultRecord, "unpack", lambda *_: nothing
    ):
        yield


def least_seconds(*functions) -> list:
    """Return the least seconds of each function in REPEATS rounds, in which they alternate."""
    best = [float("inf")] * len(functions)
    for _ in range(REPEATS):
        for number, function in enumerate(functions):
            begun = time.process_time()
            function()
            best[number] = min(best[number], time.process_time() - begun)
    return best


def calls() -> Iterator[Dict[str, Any]]:
    """Measure `predict` for each layout of the pixels and each size of a batch."""
    for ports, bits in LAYOUTS:
        layout = ImageLayout((28, 28), ports, bits)
        overlay = overlay_of(layout)
        for count in BATCHES:
            images = np.random.default_rng(0).integers(0, 256, (count, 784), dtype=np.uint8)
            in_memory = overlay.pack(images)
            overlay.predict(images)
            overlay.device.own_s = 0.0
            from_array, from_memory, copying = least_seconds(
                partial(overlay.predict, images),
                partial(overlay.predict, in_memory),
                partial(copies, overlay, images),
            )
            with copies_left_out():
                (rest,) = least_seconds(partial(overlay.predict, images))
            yield {
                "pixels": layout.name,
                "bits": bits or 8,
                "ports": ports,
                "images": count,
                "array_ms": 1e3 * from_array,
                "memory_ms": 1e3 * from_memory,
                "copies_ms": 1e3 * copying,
                "python_ms": 1e3 * rest,
                "stand_in_ms": 1e3 * overlay.device.own_s / REPEATS / 3,
                "array_images_per_second": count / from_array,
                "memory_images_per_second": count / from_memory,
            }


def stated(figures: Dict[str, Any]) -> Dict[str, Any]:
    """Return what docs/ladder.md and README.md state: the rates of a large batch, and on which machine."""
    named = ("bits", "array_images_per_second", "memory_images_per_second")
    return {
        "images": STATED_IMAGES,
        "machine": figures["machine"],
        "rates": [
            {name: call[name] for name in named}
            for call in figures["calls"]
            if call["images"] == STATED_IMAGES
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write",
        action="store_true",
        help="into docs/board_package.md, docs/ladder.md and README.md as well",
    )
    write = parser.parse_args().write
    images = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
    into = np.empty_like(images)
    figures = {
        "calls": list(calls()),
        "repeats": REPEATS,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "copy_of_10000_images_ms": 1e3 * least_seconds(lambda: np.copyto(into, images))[0],
    }
    print(as_json(figures))
    if write:
        board_package.keep("driver", figures)
        ladder.keep_python(stated(figures))


if __name__ == "__main__":
    main()
