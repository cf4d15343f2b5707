"""A test bench: the whole design on the simulated PS and memory, controlled by register names."""

import tempfile
from pathlib import Path

import numpy as np

from gateware.designs import Design
from gateware.simulator.build import build_library
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import (
    PARAMETER_BYTES,
    Activation,
    Axis,
    Layer,
    LSTNetwork,
    Network,
    logits,
    parameter_crc,
    parameter_words,
)
from lst_overlay.registers import BASE_ADDRESS, BY_NAME, ErrorCode, ResultMode
from lst_overlay.simulator.library import MEMORY_MODELS, SimulatedLibrary
from tests import BUILT

PARAMETERS, OTHER_PARAMETERS, PIXELS, RESULTS, OTHER_RESULTS = (
    0x0100_0000,
    0x0110_0000,
    0x0200_0000,
    0x0300_0000,
    0x0310_0000,
)
PIXELS_1 = 0x0210_0000  # The second port's pixels, if packed.
BUFFER_BYTES = 0x1_0000
START, LOAD, SOFT_RESET, SAMPLE = (1 << field.offset for field in BY_NAME["CONTROL"].fields)
DRAIN_STUCK_CYCLES = 65_536

# Behaviour that the default model never shows: immediate answers, no pauses, one burst at a time, rare
# answers.
SWIFT = dict(MEMORY_MODELS["ideal"], latency_cycles=1)
ONE_BURST = dict(MEMORY_MODELS["default"], outstanding=1)
HESITANT = dict(MEMORY_MODELS["default"], withheld_per_256=200)
MEMORIES = {**MEMORY_MODELS, "swift": SWIFT, "one burst": ONE_BURST, "hesitant": HESITANT}
# A processor without delays: commands at exact clocks, accesses in consecutive clocks.
PROMPT = dict(cpu_gap_ps=0, cpu_shuffled=0)


def build_top(design: Design) -> Path:
    """Build the library of a design, which the driver's tests use too; an existing one is reused."""
    with tempfile.TemporaryDirectory() as directory:
        verilog = Path(directory) / f"{design.stem}.v"
        verilog.write_text(design.verilog)
        return build_library(verilog, BUILT)


def random_network(seed: int, pixel_bits: int = 8) -> Network:
    """Make an LST-1 network of random codes, of 13 bits if the accumulators allow it; few sums saturate."""
    random = np.random.default_rng(seed)

    def layer(axis, fan_out, fan_in, shift=None, bias=500_000):
        activation = None
        if shift is not None:
            activation = Activation(shift, 10, 1.0, random.integers(-4096, 4096, 1024), 13, 1.0)
        return Layer(
            axis,
            random.integers(-127, 128, (fan_out, fan_in)),
            random.integers(-bias, bias + 1, fan_out),
            8,
            1.0,
            activation,
        )

    return LSTNetwork(
        f"random-{seed}",
        "lst1",
        pixel_bits,
        (28, 28),
        (layer(Axis.ROWS, 28, 28, 9, 200_000), layer(Axis.COLUMNS, 28, 28, 13), layer(Axis.DENSE, 10, 784)),
        {"seed": seed},
    )


def random_images(count: int, seed: int = 0, shape=(28, 28)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def expected_results(
    network: Network, images: np.ndarray, mode: ResultMode = ResultMode.LOGITS
) -> np.ndarray:
    """Return the bytes that a batch writes to memory, by the integer reference."""
    values = logits(network, images)
    classes = values.argmax(axis=1)
    if mode == ResultMode.CLASSES:
        return np.pad(classes.astype(np.uint8), (0, -len(images) % 8))
    words = np.concatenate([values, classes[:, None], np.arange(len(images))[:, None]], axis=1)
    words = np.pad(words, ((0, 0), (0, words.shape[1] % 2)))
    return words.astype("<i4").reshape(-1).view(np.uint8)


class Top(SimulatedLibrary):
    """A board with a design.

    It has buffers of BUFFER_BYTES at PARAMETERS, PIXELS, PIXELS_1, RESULTS, OTHER_...
    """

    def __init__(self, library, capabilities: Capabilities, memory="default", seed=1, **changes):
        super().__init__(
            library, dict(MEMORIES[memory] if isinstance(memory, str) else memory, **changes), seed
        )
        capabilities = capabilities.of_network(
            random_network(1)
        )  # all networks here have its shape and classes
        self.layout, self.record = capabilities.layout, capabilities.record
        self.map(PARAMETERS, PARAMETER_BYTES)
        self.map(OTHER_PARAMETERS, PARAMETER_BYTES)
        for address in (PIXELS, PIXELS_1, RESULTS, OTHER_RESULTS):
            self.map(address, BUFFER_BYTES)

    def replace_buffer(self, address: int, size: int) -> None:
        """Map a buffer of ``size`` bytes at ``address``, in the place of a present one."""
        if address in self._buffers:
            self.unmap(address)
        self.map(address, size)

    # Registers by name.

    def read(self, name: str) -> int:
        return self.read32(BASE_ADDRESS + BY_NAME[name].offset)

    def write(self, name: str, value: int) -> None:
        self.write32(BASE_ADDRESS + BY_NAME[name].offset, value)

    def counter(self, name: str) -> int:
        return self.read(f"{name}_LO") | self.read(f"{name}_HI") << 32

    def status(self, *names: str):
        """Return the bits of STATUS with these names: one value, or a tuple of several."""
        value = self.read("STATUS")
        bits = tuple(
            value >> field.offset & 1
            for name in names
            for field in BY_NAME["STATUS"].fields
            if field.name == name
        )
        return bits[0] if len(names) == 1 else bits

    def wait_status(self, cycles: int = 100_000, **fields: int) -> None:
        offsets = {field.name: field.offset for field in BY_NAME["STATUS"].fields}
        mask = sum(1 << offsets[name] for name in fields)
        wanted = sum(value << offsets[name] for name, value in fields.items())
        self.poll(BASE_ADDRESS + BY_NAME["STATUS"].offset, mask, wanted, cycles)

    def wait_completed(self, count: int, cycles: int = 200_000) -> None:
        self.poll(BASE_ADDRESS + BY_NAME["COMPLETED"].offset, 0xFFFF_FFFF, count, cycles)

    # Commands.

    def start(
        self,
        images: int,
        mode: ResultMode = ResultMode.LOGITS,
        source: int = PIXELS,
        destination: int = RESULTS,
    ) -> None:
        sources = zip(("SOURCE", "SOURCE_1"), self.layout.sources([source, PIXELS_1][: self.layout.buffers]))
        for name, value in (
            ("IMAGES", images),
            *sources,
            ("DESTINATION", destination),
            ("RESULT_MODE", mode),
        ):
            self.write(name, value)
        self.write("CONTROL", START)

    def put(self, images: np.ndarray, source: int = PIXELS) -> None:
        """Write images to memory in the engine's layout."""
        buffers = [
            np.empty((len(images), self.layout.bytes_per_image), np.uint8) for _ in range(self.layout.buffers)
        ]
        self.layout.fill(images.reshape(len(images), -1), buffers)
        for address, buffer in zip((source, PIXELS_1), buffers):
            self.write_memory(address, buffer)

    def load(self, network: Network, address: int = PARAMETERS) -> None:
        """Run a LOAD and wait for its end."""
        self.write_memory(address, parameter_words(network))
        self.write("SOURCE", address)
        done = self.read("COMPLETED")
        self.write("CONTROL", LOAD)
        self.wait_completed(done + 1, 3_000_000)
        assert self.read("NETWORK_HASH") == parameter_crc(parameter_words(network))

    def soft_reset(self, cycles: int = 100_000) -> None:
        self.write("CONTROL", SOFT_RESET)
        self.wait_status(cycles, IDLE=1, ERROR=0)

    def run_batch(
        self,
        images: np.ndarray,
        mode: ResultMode = ResultMode.LOGITS,
        source: int = PIXELS,
        destination: int = RESULTS,
    ):
        """Run a START, wait for its end, and return the bytes of the results."""
        self.put(images, source)
        done = self.read("COMPLETED")
        self.start(len(images), mode, source, destination)
        self.wait_completed(
            done + 1, 20_000 + 2000 * len(images) * (1 + self.parameters.withheld_per_256 // 100)
        )
        return self.read_memory(destination, self.record.bytes(mode, len(images)))

    def assert_works(self, network: Network, seed: int = 0, images: int = 2) -> None:
        """Assert that a batch gives the right logits."""
        batch = random_images(images, seed)
        np.testing.assert_array_equal(self.run_batch(batch), expected_results(network, batch))

    def error(self) -> ErrorCode:
        """Wait for an error and return it."""
        self.wait_status(ERROR=1, IDLE=1)
        return ErrorCode(self.read("ERROR_CODE"))
