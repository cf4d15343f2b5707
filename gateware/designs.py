"""What can be built: an engine by its name, with the network that is to be part of it if it takes none at run time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple

from litex.gen import LiteXModule

from gateware.engines.folded.engine import FoldedEngine
from gateware.engines.pixel_pairs.engine import PixelPairsEngine
from gateware.engines.pixel_serial.engine import PixelSerialEngine
from gateware.engines.row_parallel.engine import RowParallelEngine
from gateware.shell.top import Top, capabilities_of
from gateware.verilog import emit, forget_names
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, NetworkError

TOP = "lst1_top"


@dataclass(frozen=True)
class Rung:
    """make: the engine; of a loadable one the network is None. divisors: of FCLK0, 1000 MHz / (d0 * d1). chosen_for: by whom, as a noun.

    network: built in if none is named; None: the engine takes its network at run time.
    """

    description: str
    chosen_for: str
    make: Callable[[Optional[Network]], LiteXModule]
    divisors: Tuple[int, int]
    network: Optional[str] = None

    @property
    def loadable(self) -> bool:
        return self.network is None


@dataclass(frozen=True)
class Design:
    """build_hash: covers every line of the Verilog, with the hash register itself read as 0. capabilities: fields of that register."""

    engine: str
    network: Optional[Network]
    verilog: str
    build_hash: int
    capabilities: Dict[str, int]
    divisors: Tuple[int, int]

    @property
    def stem(self) -> str:
        """The name of its files: 'pixel_serial-loadable', 'row_parallel-lst1_w4a4p2'."""
        return f"{self.engine}-{self.network.name if self.network else 'loadable'}"


def packed_layout(network: Network) -> ImageLayout:
    """How the row-parallel engine takes this network's pixels packed. NetworkError if it cannot."""
    ports = {2: 1, 4: 2}.get(network.pixel_bits)
    if ports is None:
        raise NetworkError(
            f"network {network.name!r} has pixels of {network.pixel_bits} bits, packed ones have 2 or 4: row_parallel_uint8 "
            "takes it unpacked"
        )
    return ImageLayout(ports, network.pixel_bits)


ENGINES = {
    "folded": Rung(
        "rows and columns in turn on 28 multipliers", "the smallest area", FoldedEngine, (5, 1), "lst1_w6a4p4"
    ),
    "pixel_serial": Rung(
        "one pixel per clock, any network",
        "networks that change at run time",
        lambda network: PixelSerialEngine(),
        (5, 1),
    ),
    "pixel_pairs": Rung(
        "two pixels per clock, two weights in a multiplier",
        "more images/s in little area",
        PixelPairsEngine,
        (5, 1),
        "lst1_w6a4p4",
    ),
    "row_parallel": Rung(
        "one row per clock, packed pixels (2 bits: HP0, 4 bits: HP0 and HP2)",
        "the most images/s, from packed pixels",
        lambda network: RowParallelEngine(network, packed_layout(network)),
        (7, 1),
        "lst1_w4a4p2",
    ),
    "row_parallel_uint8": Rung(
        "one row per clock, uint8 over HP0",
        "the most images/s from uint8 arrays over one port",
        lambda network: RowParallelEngine(network, ImageLayout()),
        (7, 1),
        "lst1_w5c4a4p4",
    ),
    "row_parallel_uint8x2": Rung(
        "one row per clock, uint8 over HP0 and HP2",
        "the most images/s from uint8 arrays",
        lambda network: RowParallelEngine(network, ImageLayout(ports=2)),
        (7, 1),
        "lst1_w5c4a4p4",
    ),
}


def make_design(engine: str, network: Optional[Network] = None) -> Design:
    """Emits the top around an engine. NetworkError if the engine cannot have this network, or none."""
    rung = ENGINES[engine]
    if rung.loadable != (network is None):
        raise NetworkError(
            f"engine {engine} "
            + (
                f"takes its network at run time, {network.name!r} cannot be built in"
                if rung.loadable
                else "has its network built in, and none is given"
            )
        )

    def emitted(build_hash: int) -> Tuple[str, Dict[str, int]]:
        forget_names()
        module = rung.make(network)
        return emit(Top(module, build_hash), TOP), capabilities_of(module)

    verilog, capabilities = emitted(0)
    build_hash = int.from_bytes(hashlib.sha256(verilog.encode()).digest()[:4], "little")
    return Design(engine, network, emitted(build_hash)[0], build_hash, capabilities, rung.divisors)
