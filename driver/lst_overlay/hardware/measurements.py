"""The figures that the overlay returns, each with the conditions under which it was measured."""

from __future__ import annotations

import platform
import time
from typing import Dict, Iterable, NamedTuple, Tuple

import numpy as np

from .. import html
from ..network import Network
from ..network import logits as reference_logits
from ..registers import MAX_IMAGES, ResultMode
from .batches import Measurement
from .capabilities import Capabilities

UINT8_ARRAY = "uint8 array through Python"
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

    def seconds(self, measured: Measurement, from_array: bool = False) -> float:
        """The run time in seconds: wall clock, or clock cycles over frequency on the simulated board.

        from_array: copying counts, too. The simulated board takes cycles instead of wall clock for the
                    commands alone, which came one after another.
        """
        if not self.simulated:
            return measured.whole_s if from_array else measured.wall_s
        copying_s = measured.whole_s - measured.wall_s if from_array else 0.0
        return copying_s + measured.cycles / self.fclk_mhz / 1e6

    def entries(self, from_array: bool = False) -> Dict:
        """The conditions as entries of a report: clock source, input format, scope, simulated or not."""
        return {
            "fclk_source": "assumed" if self.simulated else "board",
            "input_format": self.capabilities.layout.name,
            "scope": "from_python" if from_array else "with_dma",
            "simulated": self.simulated,
        }


class Classification(NamedTuple):
    """The answer for one image.

    digit:         the class.
    probabilities: (classes,) float64, the softmax of the logits as real numbers.
    time_s:        seconds that the command took, by the clock that ``time_source`` names.
    class_names:   the names of the classes.
    """

    digit: int
    probabilities: np.ndarray
    time_s: float
    time_source: str
    class_names: Tuple[str, ...]

    @property
    def confidence(self) -> float:
        """The probability of ``digit``."""
        return float(self.probabilities[self.digit])

    def __repr__(self) -> str:
        percent, microseconds = 100 * self.confidence, 1e6 * self.time_s
        name = self.class_names[self.digit]
        return f"Classification({name}, {percent:.1f} %, {microseconds:.1f} us by {self.time_source})"

    def _repr_html_(self) -> str:
        time = f"{1e6 * self.time_s:.1f} us by {self.time_source}"
        shown = {"answer": self.class_names[self.digit], "sure": f"{self.confidence:.1%}", "time": time}
        return html.table("Classification", shown) + html.bars(self.class_names, self.probabilities)


def classification(network: Network, logits: np.ndarray, time_s: float, time_source: str) -> Classification:
    """Make the answer for one image from its ``logits``, (classes,) integers."""
    values = logits * network.logit_step
    weights = np.exp(values - values.max())
    probabilities = weights / weights.sum()
    return Classification(int(np.argmax(logits)), probabilities, time_s, time_source, network.class_names)


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


def throughput(images: int, measured: Measurement, conditions: Conditions, from_array: bool = False) -> Dict:
    """Make the dict that `throughput_test` returns: FINN's keys and further ones."""
    runtime_s = conditions.seconds(measured, from_array)
    layout, record = conditions.capabilities.layout, conditions.capabilities.record
    clock = conditions.time_source
    figures = {
        **_rate(images, runtime_s),
        "DRAM_in_bandwidth[MB/s]": images * layout.buffers * layout.bytes_per_image / runtime_s / 1e6,
        "DRAM_out_bandwidth[MB/s]": record.bytes(ResultMode.CLASSES, images) / runtime_s / 1e6,
        "fclk[mhz]": conditions.fclk_mhz,
        "measured_from": UINT8_ARRAY if from_array else f"{layout.name} memory",
        "runtime_source": f"{WALL_CLOCK} + {clock}" if from_array and clock != WALL_CLOCK else clock,
        **conditions.entries(from_array),
    }
    if measured.cycles:  # They are not counted where commands overlap.
        figures["cycles_per_image"] = measured.cycles / images
    return figures


def software_throughput(images: int, runtime_s: float) -> Dict:
    """Make the dict of `throughput_test(software=True)`: the keys that apply to the integer reference."""
    return {
        **_rate(images, runtime_s),
        "measured_from": UINT8_ARRAY,
        "processor": processor(),
        "runtime_source": WALL_CLOCK,
        "input_format": "uint8",
        "scope": "software",
        "simulated": False,
    }


def fastest(runs: Iterable[Dict]) -> Dict:
    """Return the figures of the fastest of some runs of `throughput_test`, and of how many it is."""
    measured = list(runs)
    return {**max(measured, key=lambda run: run["throughput[images/s]"]), "best_of": len(measured)}


def processor() -> str:
    """Return the kind of the processor that runs Python, such as 'ARM (armv7l)' or 'x86 (x86_64)'."""
    machine = platform.machine()
    families = {"arm": "ARM", "aarch": "ARM", "x86": "x86", "i386": "x86", "i686": "x86", "amd": "x86"}
    family = next((name for start, name in families.items() if machine.lower().startswith(start)), None)
    return f"{family} ({machine})" if family else machine or "unknown"


def checked_count(count, name: str = "images") -> int:
    """Return a number of images to allocate, or of what ``name`` says, as an int.

    TypeError if it is no integer, ValueError if it is less than one.
    """
    if not _is_integer(count):
        raise TypeError(f"{name} must be an integer, the number of them, not {type(count).__name__}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1, not {count}")
    return int(count)


def checked_batch_size(batch_size) -> int:
    """Return ``batch_size`` as an int.

    TypeError if it is no integer, ValueError if one START cannot take it.
    """
    if not _is_integer(batch_size):
        raise TypeError(
            f"batch_size must be an integer, a sequence of them, or images, not {type(batch_size).__name__}"
        )
    if not 1 <= batch_size <= MAX_IMAGES:
        raise ValueError(f"batch_size must be 1..{MAX_IMAGES}, not {batch_size}")
    return int(batch_size)


def random_images(batch_size: int, image_bytes: int) -> np.ndarray:
    """Return (batch_size, image_bytes) random uint8 pixels, the same in every call."""
    return np.random.default_rng(0).integers(0, 256, (batch_size, image_bytes), dtype=np.uint8)


def _is_integer(value) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _rate(images: int, runtime_s: float) -> Dict:
    return {"runtime[ms]": runtime_s * 1e3, "throughput[images/s]": images / runtime_s, "batch_size": images}
