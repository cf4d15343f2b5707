"""What the driver costs beside the hardware: its time for a call and an image, on a board that finishes at once.

    python -m benchmarks.driver [--write]

The baseline of each line is the copying alone, measured in the same run: pixels into the buffers (packed where the engine wants them
so) and classes out of them. *Python* is the rest, measured with the copies left out: registers, checks, slicing. The board's stand-in
is Python too, and its share is named.
"""

import argparse
import platform
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Iterator, List
from unittest import mock

import numpy as np

from gateware.reports.report import markdown_table, replace_figures
from lst_overlay import LST1Overlay
from lst_overlay.hardware import batches as pipeline
from lst_overlay.hardware.batches import CHUNK_IMAGES, Buffers
from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import MODE_CLASSES, result_bytes, unpack_classes
from tests.boards.instant import InstantBoard
from tests.driver.conftest import write_bitstream
from tests.driver.random_network import random_lst1

PAGE = Path(__file__).resolve().parents[1] / "docs" / "board_package.md"
REPEATS = 30
BATCHES = (1, 100, 1000, 10_000)
LAYOUTS = {"uint8": (1, 0), "packed, 2 bits": (1, 2), "packed, 4 bits": (2, 4)}  # ports, bits


class FinishedBoard(InstantBoard):
    """Every class is 0: nothing is computed. Registers are mapped, as on a board. ``own_s``: time spent in this stand-in's registers."""

    capabilities = {"MEMORY_MAPPED": True, "REGISTER_RW": True}
    own_s = 0.0

    def _run(self, registers):
        return 0, 0

    def mmap(self, address, length):
        return Window(self, address)


class Window:
    """In the place of the array that pynq maps."""

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
    capabilities = {"ENGINE": 1 if bits else 0, "LOADABLE": 1, "PORTS": ports, "PACKED_BITS": bits}
    board = FinishedBoard([network])
    board.faults.registers["CAPABILITIES"] = capabilities["ENGINE"] | 1 << 4 | ports << 8 | bits << 12
    return LST1Overlay(write_bitstream(directory, capabilities=capabilities), board, network=network)


def copies(overlay: LST1Overlay, images: np.ndarray, sets: List[Buffers]) -> None:
    """What has to be copied for a batch, into the same buffers in turn, and nothing else."""
    for number, first in enumerate(range(0, len(images), CHUNK_IMAGES)):
        part, buffers = images[first : first + CHUNK_IMAGES], sets[number % len(sets)]
        overlay.layout.fill(part, [np.asarray(buffer)[: len(part)] for buffer in buffers.pixels])
        unpack_classes(np.asarray(buffers.results)[: result_bytes(MODE_CLASSES, len(part))], len(part))


@contextmanager
def copies_left_out() -> Iterator[None]:
    """All of `predict` but the copies: the difference of two measurements would drown in what the caches do to both."""
    nothing = np.zeros(0, np.int64)
    with mock.patch.object(ImageLayout, "fill", lambda *_: None), mock.patch.object(
        pipeline, "unpack_classes", lambda *_: nothing
    ):
        yield


def in_turn(*functions) -> list:
    """Least seconds of each in REPEATS rounds, one after the other, so that all meet the same machine."""
    best = [float("inf")] * len(functions)
    for _ in range(REPEATS):
        for number, function in enumerate(functions):
            begun = time.perf_counter()
            function()
            best[number] = min(best[number], time.perf_counter() - begun)
    return best


def rows() -> Iterator[List[str]]:
    for name, (ports, bits) in LAYOUTS.items():
        overlay = overlay_of(ports, bits)
        for count in BATCHES:
            images = np.random.default_rng(0).integers(0, 256, (count, 784), dtype=np.uint8)
            overlay.predict(images)
            overlay.device.own_s = 0.0
            whole, copying = in_turn(
                partial(overlay.predict, images), partial(copies, overlay, images, overlay._batches._sets)
            )
            with copies_left_out():
                (rest,) = in_turn(partial(overlay.predict, images))
            milliseconds = [whole, copying, rest, overlay.device.own_s / REPEATS / 2]
            yield [
                name,
                f"{count:,}",
                *(f"{1e3 * seconds:.3f}" for seconds in milliseconds),
                f"{1e6 * copying / count:.3f}",
            ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name} as well")
    write = parser.parse_args().write
    images = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
    into = np.empty_like(images)
    head = [
        "pixels",
        "images",
        "predict [ms]",
        "copies [ms]",
        "Python [ms]",
        "of it the stand-in [ms]",
        "copies per image [us]",
    ]
    report = [
        "",
        *markdown_table(head, list(rows())),
        "",
        f"Least of {REPEATS} rounds (of the stand-in the mean), {platform.machine()}, Python {platform.python_version()}, numpy "
        f"{np.__version__}. NumPy copies 10,000 uint8 images in {1e3 * in_turn(lambda: np.copyto(into, images))[0]:.3f} ms.",
        "",
    ]
    print(*report, sep="\n")
    if write:
        replace_figures(PAGE, "python -m benchmarks.driver --write", report)


if __name__ == "__main__":
    main()
