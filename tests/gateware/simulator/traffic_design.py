"""simulator_top.v behind names: a design that keeps or breaks the bus rules on demand."""

from pathlib import Path

from gateware.simulator.build import build_library
from lst_overlay.simulator.library import MEMORY_MODELS, SimulatedLibrary
from tests import BUILT

VERILOG = Path(__file__).with_name("simulator_top.v")

BASE = 0x4000_0000
(
    ID,
    SCRATCH,
    UNINITIALISED,
    START,
    ADDRESS,
    BURSTS,
    FIELDS,
    MODE,
    STROBES,
    BUSY,
    RESPONSE,
    FIRST,
    LAST,
    GP_MODE,
    BEATS,
    DATA,
    TIME,
    INVERTED,
) = range(BASE, BASE + 4 * 18, 4)
FIELD_BITS = {
    "length": (0, 4),
    "size": (4, 2),
    "burst": (6, 2),
    "lock": (8, 2),
    "prot": (10, 3),
    "cache": (13, 4),
    "id": (17, 6),
}
GOOD_FIELDS = {"length": 15, "size": 3, "burst": 1, "lock": 0, "prot": 0, "cache": 3, "id": 0}
BUFFER, BUFFER_BYTES = 0x1000_0000, 0x1_0000

STEADY = dict(
    MEMORY_MODELS["default"], withheld_per_256=0, refresh_interval_ps=0, bytes_per_us=0
)  # latency alone


class TrafficDesign(SimulatedLibrary):
    """With a buffer of 64 KB at BUFFER."""

    def __init__(self, memory="ideal", seed=1, fclk_mhz=200.0):
        super().__init__(build_library(VERILOG, BUILT), memory, seed, fclk_mhz)
        self.map(BUFFER, BUFFER_BYTES)

    def set_fields(self, **fields):
        values = {**GOOD_FIELDS, **fields}
        self.write32(FIELDS, sum(value << FIELD_BITS[name][0] for name, value in values.items()))

    def start(self, what, address=BUFFER, bursts=1, mode=0):
        for register, value in (
            (ADDRESS, address),
            (BURSTS, bursts),
            (MODE, mode),
            (START, {"read": 1, "write": 2}[what]),
        ):
            self.write32(register, value)

    def transfer(self, what, address=BUFFER, bursts=1, mode=0, cycles=100_000):
        """Returns (cycles to the first beat or response, cycles to the last one, worst response)."""
        self.start(what, address, bursts, mode)
        self.poll(BUSY, 3, 0, cycles)
        return self.read32(FIRST), self.read32(LAST), self.read32(RESPONSE)

    def broken_rules(self):
        return {text.split("'")[1] for text in self.violations()}
