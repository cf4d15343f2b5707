"""Figures as callers get them, each with the conditions it was obtained under."""

from __future__ import annotations

import time
from typing import Dict, NamedTuple

import numpy as np

from ..network import Network
from ..network import logits as reference_logits
from ..registers import ResultMode
from .batches import Measurement
from .capabilities import Capabilities

WALL_CLOCK, SIMULATED = "wall clock", "cycles / fclk (simulated)"


class Conditions(NamedTuple):
    """Conditions of a measurement on the hardware."""

    capabilities: Capabilities
    fclk_mhz: float
    simulated: bool

    @property
    def time_source(self) -> str:
        """A simulated board has no time of its own."""
        return SIMULATED if self.simulated else WALL_CLOCK

    def seconds(self, measured: Measurement) -> float:
        return measured.cycles / self.fclk_mhz / 1e6 if self.simulated else measured.wall_s

    def entries(self) -> Dict:
        return {
            "fclk_source": "assumed" if self.simulated else "board",
            "input_format": self.capabilities.layout.name,
            "scope": "with_dma",
            "simulated": self.simulated,
        }


class Classification(NamedTuple):
    """One image's answer. probabilities: (classes,) float64, the softmax of the logits as real numbers.

    time_s: seconds, by the clock that time_source names.
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
        return f"Classification({self.digit}, {100 * self.confidence:.1f} %, {1e6 * self.time_s:.1f} us by {self.time_source})"


def classification(network: Network, logits: np.ndarray, time_s: float, time_source: str) -> Classification:
    """The answer for one image. logits: (classes,) integers."""
    values = logits * network.logit_step
    weights = np.exp(values - values.max())
    return Classification(int(np.argmax(logits)), weights / weights.sum(), time_s, time_source)


def software_logits(network: Network, images: np.ndarray) -> tuple:
    """(N, pixels) uint8 -> the integer reference's (N, classes) int32 logits and the seconds that it took here."""
    begun = time.perf_counter()
    logits = reference_logits(network, images.reshape(-1, *network.image_shape))
    return logits.astype(np.int32), time.perf_counter() - begun


def profile(images: int, measured: Measurement, conditions: Conditions) -> Dict:
    """What `predict(profile=True)` returns beside the classes."""
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
    """FINN's keys, and ours."""
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
    """The same of the integer reference, as far as it applies."""
    return {
        **_rate(images, runtime_s),
        "runtime_source": WALL_CLOCK,
        "input_format": "uint8",
        "scope": "software",
        "simulated": False,
    }


def _rate(images: int, runtime_s: float) -> Dict:
    return {"runtime[ms]": runtime_s * 1e3, "throughput[images/s]": images / runtime_s, "batch_size": images}
