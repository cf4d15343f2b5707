"""What the driver costs beside the hardware: its time for a call and an image, on a board that finishes at once.

    python -m benchmarks.driver

The baseline of each line is the copying alone, measured in the same run: pixels into the buffers (packed where the engine wants them
so) and classes out of them. What is left is Python: registers, checks, slicing. The board's stand-in is Python too, and its share is named.
"""
import platform
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import List

import numpy as np

from lst_overlay import LST1Overlay
from lst_overlay.packing import MODE_CLASSES, result_bytes, unpack_classes
from lst_overlay.pipeline import CHUNK_IMAGES, Buffers
from tests.driver.conftest import write_bitstream
from tests.driver.instant_board import InstantBoard
from tests.driver.random_network import random_lst1

REPEATS = 30
BATCHES = (1, 100, 1000, 10_000)
LAYOUTS = {"uint8": (1, 0), "packed, 2 bits": (1, 2), "packed, 4 bits": (2, 4)}  # ports, bits


class FinishedBoard(InstantBoard):
    """Every class is 0: nothing is computed. ``own_s``: time spent in registers of this stand-in."""

    own_s = 0.0

    def _run(self, registers):
        return 0, 0

    def read_registers(self, address, length):
        begun = time.perf_counter()
        try:
            return super().read_registers(address, length)
        finally:
            self.own_s += time.perf_counter() - begun

    def write_registers(self, address, data):
        begun = time.perf_counter()
        super().write_registers(address, data)
        self.own_s += time.perf_counter() - begun


def overlay_of(ports: int, bits: int) -> LST1Overlay:
    network, directory = random_lst1(1), Path(tempfile.mkdtemp())
    capabilities = {"ENGINE": 1 if bits else 0, "LOADABLE": 1, "PORTS": ports, "PACKED_BITS": bits}
    board = FinishedBoard([network])
    board.faults.registers["CAPABILITIES"] = capabilities["ENGINE"] | 1 << 4 | ports << 8 | bits << 12
    return LST1Overlay(write_bitstream(directory, capabilities=capabilities), board, network=network)


def copies(overlay: LST1Overlay, images: np.ndarray, sets: List[Buffers]) -> None:
    """What has to be copied for a batch, into the same buffers in turn, and nothing else."""
    for number, first in enumerate(range(0, len(images), CHUNK_IMAGES)):
        part, buffers = images[first:first + CHUNK_IMAGES], sets[number % len(sets)]
        overlay.layout.fill(part, [np.asarray(buffer)[:len(part)] for buffer in buffers.pixels])
        unpack_classes(np.asarray(buffers.results)[:result_bytes(MODE_CLASSES, len(part))], len(part))


def in_turn(*functions) -> list:
    """Least seconds of each in REPEATS rounds, one after the other, so that all meet the same machine."""
    best = [float("inf")] * len(functions)
    for _ in range(REPEATS):
        for number, function in enumerate(functions):
            begun = time.perf_counter()
            function()
            best[number] = min(best[number], time.perf_counter() - begun)
    return best


def main() -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}; least of {REPEATS} rounds")
    print(f"{'pixels':<16}{'images':>8}{'predict':>12}{'copies':>12}{'Python':>12}{'of it stand-in':>16}{'copies per image':>18}")
    for name, (ports, bits) in LAYOUTS.items():
        overlay = overlay_of(ports, bits)
        for count in BATCHES:
            images = np.random.default_rng(0).integers(0, 256, (count, 784), dtype=np.uint8)
            overlay.predict(images)
            overlay.device.own_s = 0.0
            whole, copying = in_turn(partial(overlay.predict, images), partial(copies, overlay, images, overlay._pipeline._sets))
            own = overlay.device.own_s / REPEATS
            print(f"{name:<16}{count:>8}{1e3 * whole:>9.3f} ms{1e3 * copying:>9.3f} ms{1e3 * (whole - copying):>9.3f} ms"
                  f"{1e3 * own:>13.3f} ms{1e6 * copying / count:>15.3f} us")
    images = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
    into = np.empty_like(images)
    print(f"one copy of 10,000 uint8 images by NumPy, for comparison: {1e3 * in_turn(lambda: np.copyto(into, images))[0]:.3f} ms")


if __name__ == "__main__":
    main()
