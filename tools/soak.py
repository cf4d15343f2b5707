"""A million images in random batches with faults in between: none may be lost or answered twice.

100,000 of them go through two verilated designs. The other 900,000 meet a stand-in for the board, written in
Python, which finishes at once. Memory must not grow. `make soak` runs it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
from tqdm import tqdm

from lst_overlay import HardwareError, HardwareTimeout, LST1Overlay, LstOverlayError
from lst_overlay.hardware.prepared_network import prepare
from lst_overlay.network import classify, load_network, logits
from lst_overlay.registers import ErrorCode
from lst_overlay.samples.shipped_networks import find
from lst_overlay.simulator.board import SimulatedBoard
from pages.page import as_json
from tests.boards.instant import InstantBoard, numbered_images, numbers_of
from tests.conftest import simulated_bitstream
from tests.driver.conftest import write_bitstream
from tests.driver.random_network import random_lst1
from tools import board_package

IMAGES = 1_000_000
FAULT_EVERY = 8  # batches
SETTLED_IMAGES = 100_000
LARGEST_GROWTH = 10e6  # bytes
NETWORKS = [random_lst1(seed) for seed in (1, 2)]


class Subject:
    """An overlay, its images and its faults.

    A fault is a function that breaks something and returns the function that repairs it, or None.
    """

    def __init__(
        self, name: str, overlay: LST1Overlay, images: int, largest_batch: int, rng: np.random.Generator
    ):
        self.name, self.overlay, self.rng = name, overlay, rng
        self.images, self.largest_batch = images, largest_batch
        # How often each image was answered; written at once, so that all of it is resident from the start.
        self.answered = np.full(images, 0, np.uint16)
        self.asked, self.batches, self.faults, self.refused = 0, 0, Counter(), Counter()

    def ask(self, first: int, count: int, with_logits: bool, timeout: Optional[float]) -> np.ndarray:
        """Send a batch; return the numbers of the images that were answered correctly, as they came."""
        raise NotImplementedError

    def breakages(self) -> Dict[str, Callable]:
        return {"reset in mid-batch": self._reset, "time-out": lambda: None}

    def _reset(self):
        """Start a batch behind the driver's back and abandon it."""
        pipeline, accelerator = self.overlay._batches, self.overlay.accelerator
        if pipeline._sets:
            buffers = pipeline._sets[0]
            accelerator.begin()
            accelerator.start(*buffers.addresses, len(buffers), 1, 1.0)
            accelerator.soft_reset()

    @property
    def faults_showed(self) -> bool:
        """Whether every time-out that was caused was also raised."""
        return self.refused["HardwareTimeout"] >= self.faults["time-out"]

    def batch(self) -> int:
        first = self.asked
        count = min(int(np.exp(self.rng.uniform(0, np.log(self.largest_batch)))), self.images - first)
        with_logits, mend, timeout = bool(self.rng.integers(2)), None, None
        if self.rng.integers(FAULT_EVERY) == 0:
            name = self.rng.choice(sorted(self.breakages()))
            mend, self.faults[name] = self.breakages()[name](), self.faults[name] + 1
            timeout = 1e-9 if name == "time-out" else None
        for attempt in range(2):
            try:
                numbers = self.ask(first, count, with_logits, timeout)
                break
            except (HardwareError, HardwareTimeout, LstOverlayError) as error:
                if attempt:
                    raise
                self.refused[type(error).__name__] += 1
                timeout = None
                if mend:
                    mend()
                    mend = None
        if mend:
            mend()
        np.add.at(self.answered, numbers, 1)
        self.batches += 1
        self.asked += count
        return count


class Verilated(Subject):
    """A simulated board, whose answers are compared with the integer reference."""

    def __init__(self, name, overlay, images, largest_batch, rng):
        super().__init__(name, overlay, images, largest_batch, rng)
        self.pixels = np.random.default_rng(7).integers(0, 256, (images, 784), dtype=np.uint8)
        self.expected = logits(overlay.network, self.pixels)

    def ask(self, first, count, with_logits, timeout):
        images, expected = self.pixels[first : first + count], self.expected[first : first + count]
        if with_logits:
            right = (self.overlay.logits(images, timeout) == expected).all(axis=1)
        else:
            right = self.overlay.predict(images, timeout=timeout) == classify(expected)
        return first + np.flatnonzero(right)

    def breakages(self):
        others = {"AXI error": self._axi_error}
        if self.overlay.network.name == NETWORKS[0].name:
            others["another network loaded behind its back"] = self._other_network
        return {**super().breakages(), **others}

    def _axi_error(self):
        if not self.overlay._batches._sets:
            return None
        buffers = self.overlay._batches._sets[0]
        target = buffers.allocation.buffers[0 if self.rng.integers(2) else -1]
        fabric = self.overlay.device.fabric
        fabric.inject_error(target.device_address, 128)
        return fabric.clear_errors

    def _other_network(self):
        self.overlay._batches.load(prepare(NETWORKS[1], LST1Overlay.family, "pixel_serial", loadable=True))


class Instant(Subject):
    """A stand-in that finishes at once; each image carries a number, which comes back as its answer."""

    def ask(self, first, count, with_logits, timeout):
        images = numbered_images(first + 1, count)
        if with_logits:
            return numbers_of(self.overlay.logits(images, timeout)) - 1
        expected = (first + 1 + np.arange(count)) % 10
        return first + np.flatnonzero(self.overlay.predict(images, timeout=timeout) == expected)

    def breakages(self):
        return {
            **super().breakages(),
            "AXI error": self._axi_error,
            "time-out": self._never_finish,
            "wrong hash": self._wrong_hash,
        }

    def _axi_error(self):
        self.overlay.device.faults.error = (ErrorCode.READ_RESPONSE, 0x1000_0000)

    def _never_finish(self):
        faults = self.overlay.device.faults
        faults.never_finish = True
        return lambda: setattr(faults, "never_finish", False)

    def _wrong_hash(self):
        device = self.overlay.device
        device.faults.network_hash_xor, device.values["NETWORK_HASH"] = 1, 0
        return lambda: setattr(device.faults, "network_hash_xor", 0)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def soak(images: int, verilated_images: int, seed: int) -> Tuple[bool, Dict[str, Any]]:
    """Return whether every image was answered once and correctly, and the figures of the page."""
    rng, directory = np.random.default_rng(seed), Path(tempfile.mkdtemp())
    serial, parallel, fake = SimulatedBoard(), SimulatedBoard(), InstantBoard(NETWORKS)
    row_parallel = simulated_bitstream(directory, "row_parallel", load_network(find("lst1_w4a4p2")))
    subjects = [
        Verilated(
            f"pixel-serial, {board_package.RTL}",
            LST1Overlay(simulated_bitstream(directory), serial, network=NETWORKS[0]),
            verilated_images * 3 // 10,
            300,
            rng,
        ),
        Verilated(
            f"row-parallel, {board_package.RTL}",
            LST1Overlay(row_parallel, parallel),
            verilated_images - verilated_images * 3 // 10,
            3000,
            rng,
        ),
        Instant(
            "stand-in, finishes at once",
            LST1Overlay(write_bitstream(Path(tempfile.mkdtemp())), fake, network=NETWORKS[0]),
            images - verilated_images,
            20_000,
            rng,
        ),
    ]
    done, settled, begun = 0, None, time.perf_counter()
    with tqdm(total=images, unit="image", desc="soak") as bar:
        while done < images:
            # The subject that is furthest behind, so that all of them run to the end.
            count = min(subjects, key=lambda subject: subject.asked / subject.images).batch()
            done += count
            bar.update(count)
            if settled is None and done >= min(SETTLED_IMAGES, images // 2):
                settled = resident_bytes()
    growth = resident_bytes() - settled
    violations = serial.violations() + parallel.violations()
    boards = []
    for subject in subjects:
        subject.overlay.free()
        boards.append(
            {
                "board": subject.name,
                "images": subject.images,
                "batches": subject.batches,
                "faults": dict(subject.faults),
                "errors": dict(subject.refused),
                "lost_or_wrong": int((subject.answered == 0).sum()),
                "answered_twice": int((subject.answered > 1).sum()),
            }
        )
    figures = {
        "boards": boards,
        "seed": seed,
        "growth_megabytes": growth / 1e6,
        "settled_images": SETTLED_IMAGES,
        "violations": violations,
    }
    print(
        f"{time.perf_counter() - begun:.0f} s; {images - verilated_images:,} of the {images:,} images met a "
        "stand-in for the board, which finishes at once, the others verilated designs",
        as_json(figures),
        sep="\n",
    )
    right = all((subject.answered == 1).all() and subject.faults_showed for subject in subjects)
    return right and growth < LARGEST_GROWTH and not violations, figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--verilated-images", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    right, figures = soak(chosen.images, chosen.verilated_images, chosen.seed)
    if right and chosen.images >= IMAGES:
        board_package.keep("soak", figures)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
