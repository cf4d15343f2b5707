"""The driver's own time for a call and for an image, on a board that finishes at once.

    python -m benchmarks.driver [--write]

The baseline of each line is the copying alone, measured in the same run: pixels into the buffers (packed
where the engine needs them packed) and classes out of them. *Python* is everything else (registers, checks,
slicing), measured without the copies. The stand-in for the board is itself Python, and its share is given.
"""

import argparse
import platform
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List
from unittest import mock

import numpy as np

from lst_overlay import LST1Overlay
from lst_overlay.hardware.batches import CHUNK_IMAGES, Buffers
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
LAYOUTS = {"uint8": (1, 0), "packed, 2 bits": (1, 2), "packed, 4 bits": (2, 4)}  # ports, bits


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
        begun = time.perf_counter()
        value = self.board._read(self.address + 4 * word)
        self.board.own_s += time.perf_counter() - begun
        return value

    def __setitem__(self, word, value):
        begun = time.perf_counter()
        self.board.write_registers(self.address + 4 * word, int(value).to_bytes(4, "little"))
        self.board.own_s += time.perf_counter() - begun


def overlay_of(ports: int, bits: int) -> LST1Overlay:
    network, directory = random_lst1(1), Path(tempfile.mkdtemp())
    engine, layout = 1 if bits else 0, ImageLayout(network.image_shape, ports, bits)
    capabilities = Capabilities(engine, True, layout, RECORD)
    board = FinishedBoard([network])
    board.faults.registers["CAPABILITIES"] = engine | 1 << 4 | ports << 8 | bits << 12
    return LST1Overlay(write_bitstream(directory, capabilities=capabilities), board, network=network)


def copies(overlay: LST1Overlay, images: np.ndarray, sets: List[Buffers]) -> None:
    """Copy what a batch needs copied, into the same buffers alternately, and do nothing else."""
    for number, first in enumerate(range(0, len(images), CHUNK_IMAGES)):
        part, buffers = images[first : first + CHUNK_IMAGES], sets[number % len(sets)]
        overlay.layout.fill(part, [np.asarray(buffer)[: len(part)] for buffer in buffers.pixels])
        size = RECORD.bytes(ResultMode.CLASSES, len(part))
        RECORD.unpack(ResultMode.CLASSES, np.asarray(buffers.results)[:size], len(part))


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
            begun = time.perf_counter()
            function()
            best[number] = min(best[number], time.perf_counter() - begun)
    return best


def calls() -> Iterator[Dict[str, Any]]:
    """Measure `predict` for each layout of the pixels and each size of a batch."""
    for name, (ports, bits) in LAYOUTS.items():
        overlay = overlay_of(ports, bits)
        for count in BATCHES:
            images = np.random.default_rng(0).integers(0, 256, (count, 784), dtype=np.uint8)
            overlay.predict(images)
            overlay.device.own_s = 0.0
            whole, copying = least_seconds(
                partial(overlay.predict, images), partial(copies, overlay, images, overlay._batches._sets)
            )
            with copies_left_out():
                (rest,) = least_seconds(partial(overlay.predict, images))
            yield {
                "pixels": name,
                "images": count,
                "predict_ms": 1e3 * whole,
                "copies_ms": 1e3 * copying,
                "python_ms": 1e3 * rest,
                "stand_in_ms": 1e3 * overlay.device.own_s / REPEATS / 2,
                "copies_us_per_image": 1e6 * copying / count,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/board_package.md as well")
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


if __name__ == "__main__":
    main()
