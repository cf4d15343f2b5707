"""The figures that the overlay returns, each with the conditions under which it was measured."""

from __future__ import annotations

import time
from typing import Dict, NamedTuple

import numpy as np

from ..network import Network
from ..network import logits as reference_logits
from ..registers import MAX_IMAGES, ResultMode
from .batches import Measurement
from .capabilities import Capabilities

WALL_CLOCK, SIMULATED = "wall clock", "cycles / fclk (simulated)"


class Conditions(NamedTuple):
    """The conditions of a measurement on the hardware: the design, its clock, and whether it is simulated."""

    capabilities: Capabilities
    fclk_mhz: float
    simulated: bool

    @property
    def time_source(self) -> str:
        """The clock by which `seconds` counts: simulated time on the simulated board, else the wall clock."""
        return SIMULATED if self.simulated else WALL_CLOCK

    def seconds(self, measured: Measurement) -> float:
        """The run time in seconds: wall clock, or clock cycles over frequency on the simulated board."""
        return measured.cycles / self.fclk_mhz / 1e6 if self.simulated else measured.wall_s

    def entries(self) -> Dict:
        """The conditions as entries of a report: clock source, input format, scope, simulated or not."""
        return {
            "fclk_source": "assumed" if self.simulated else "board",
            "input_format": self.capabilities.layout.name,
            "scope": "with_dma",
            "simulated": self.simulated,
        }


class Classification(NamedTuple):
    """The answer for one image.

    digit:         the class.
    probabilities: (classes,) float64, the softmax of the logits as real numbers.
    time_s:        seconds that the command took, by the clock that ``time_source`` names.
    """

    digit: int
    probabilities: np.ndarray
    time_s: float
    time_source: str

    @property
    def confidence(self) -> float:
        """The probability of ``digit``."""
        return float(self.probabilities[self.digit])

    def __repr__(self) -> str:
        percent, microseconds = 100 * self.confidence, 1e6 * self.time_s
        return f"Classification({self.digit}, {percent:.1f} %, {microseconds:.1f} us by {self.time_source})"


def classification(network: Network, logits: np.ndarray, time_s: float, time_source: str) -> Classification:
    """Make the answer for one image from its ``logits``, (classes,) integers."""
    values = logits * network.logit_step
    weights = np.exp(values - values.max())
    return Classification(int(np.argmax(logits)), weights / weights.sum(), time_s, time_source)


def software_logits(network: Network, images: np.ndarray) -> tuple:
    """Evaluate the integer reference: (N, pixels) uint8 -> (N, classes) int32 logits, and its seconds."""
    begun = time.perf_counter()
    logits = reference_logits(network, images.reshape(-1, *network.image_shape))
    return logits.astype(np.int32), time.perf_counter() - begun


def profile(images: int, measured: Measurement, conditions: Conditions) -> Dict:
    """Make the dict that `predict(profile=True)` returns with the classes."""
    return {
        "images": images,
        **measured._asdict(),
        "cycles_per_image": measured.cycles / images,
        "fclk_mhz": conditions.fclk_mhz,
        "runtime_ms": measured.cycles / conditions.fclk_mhz / 1e3,
        "images_per_second": images * conditions.fclk_mhz * 1e6 / measured.cycles,
        **conditions.entries(),
    }


def throughput(images: int, measured: Measurement, conditions: Conditions) -> Dict:
    """Make the dict that `LST1Overlay.throughput_test` returns: FINN's keys and further ones."""
    runtime_s = conditions.seconds(measured)
    layout, record = conditions.capabilities.layout, conditions.capabilities.record
    return {
        **_rate(images, runtime_s),
        "DRAM_in_bandwidth[MB/s]": images * layout.buffers * layout.bytes_per_image / runtime_s / 1e6,
        "DRAM_out_bandwidth[MB/s]": record.bytes(ResultMode.CLASSES, images) / runtime_s / 1e6,
        "fclk[mhz]": conditions.fclk_mhz,
        "runtime_source": conditions.time_source,
        "cycles_per_image": measured.cycles / images,
        **conditions.entries(),
    }


def software_throughput(images: int, runtime_s: float) -> Dict:
    """Make the dict of `throughput_test(software=True)`: the keys that apply to the integer reference."""
    return {
        **_rate(images, runtime_s),
        "runtime_source": WALL_CLOCK,
        "input_format": "uint8",
        "scope": "software",
        "simulated": False,
    }


def checked_batch_size(batch_size) -> int:
    """Return ``batch_size`` as an int.

    TypeError if it is no integer, ValueError if one START cannot take it.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(
            f"batch_size must be an integer or a sequence of them, not {type(batch_size).__name__}"
        )
    if not 1 <= batch_size <= MAX_IMAGES:
        raise ValueError(f"batch_size must be 1..{MAX_IMAGES}, not {batch_size}")
    return int(batch_size)


def random_images(batch_size: int, image_bytes: int) -> np.ndarray:
    """Return (batch_size, image_bytes) random uint8 pixels, the same in every call."""
    return np.random.default_rng(0).integers(0, 256, (batch_size, image_bytes), dtype=np.uint8)


def _rate(images: int, runtime_s: float) -> Dict:
    return {"runtime[ms]": runtime_s * 1e3, "throughput[images/s]": images / runtime_s, "batch_size": images}
