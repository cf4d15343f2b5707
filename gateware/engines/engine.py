"""What an engine is: the declaration that every tool reads, and the interface that the shell connects.

                   +--------------------------- shell ---------------------------+
HP0 (HP2) --64--> BurstReader --64--> sinks[0] (sinks[1])                         |
                   |  Sequencer --> flush, start, loader                          |
                   |  <-- starved, blocked, loader.loaded, .bad, .crc             |
HP0       <--64-- BurstWriter <--64-- ResultPacker <--32-- source                 |
                   +-------------------------------------------------------------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Protocol, Tuple

from litex.soc.interconnect.stream import Endpoint
from migen import Signal

from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.network import Network, NetworkError


class Parameters(Protocol):
    """Where an engine's network comes from: constants of the design, or a LOAD command.

    loaded: a network is there. crc (32 bits): NETWORK_HASH, 0 while none is loaded. bad: what LOAD read is no network.
    Only of a loadable engine: start (one clock: forget the network, take another), abandon (held: forget a network
    that is not complete), sink (data, 64 bits: beats of the parameters).
    """

    loaded: Signal
    bad: Signal
    crc: Signal


class Engine(Protocol):
    """A module between the burst readers and the result packer; it knows no bus.

    sinks:       one for each port of the layout, data (64 bits): beats of images.
    source:      word (32 bits): the record's values if ``with_logits``, then the class, with ``last``.
    with_logits: constant while images are under way.
    start:       one clock before the first beat of a batch. flush: forgets every image under way, the network stays.
    starved:     an image could enter and its pixels are not there. blocked: none may enter until results are taken.
    fifo_beats:  depth of each reader's FIFO.
    parameter_bytes: bytes that LOAD reads, a multiple of 8; 0 if the network is built in.
    """

    capabilities: Capabilities
    fifo_beats: int
    parameter_bytes: int
    sinks: List[Endpoint]
    source: Endpoint
    with_logits: Signal
    start: Signal
    flush: Signal
    starved: Signal
    blocked: Signal
    parameters: Parameters


@dataclass(frozen=True)
class EngineSpec:
    """The declaration of an engine. Designs, driver, commands, reports and tests know an engine by it alone.

    number:           CAPABILITIES.ENGINE; layouts of one engine share it.
    idea, chosen_for: half a sentence each, for lists of engines: how it works, and what it is best at.
    divisors:         FCLK0 runs at 1000 MHz / (d0 * d1).
    cycles_per_image: clock cycles between images of a long batch that memory never delays.
    network:          a shipped network's name: built in, or loaded, if none is named.
    measured_with:    names of the networks whose figures docs/ladder.md shows.
    build:            the engine for a network; for a loadable engine the network is None.
    accepts:          NetworkError, with rule and value, for a network that the engine cannot hold.
    layout:           how images lie in memory for a network (None if loadable).
    loadable, classes: the network enters through LOAD, and then has so many classes.
    """

    number: int
    name: str
    idea: str
    chosen_for: str
    divisors: Tuple[int, int]
    cycles_per_image: int
    network: str
    measured_with: Tuple[str, ...]
    build: Callable[[Optional[Network], Capabilities], Engine]
    accepts: Callable[[Network], None]
    layout: Callable[[Optional[Network]], ImageLayout]
    family: str = "lst"
    loadable: bool = False
    classes: Optional[int] = None

    def check(self, network: Network) -> None:
        """NetworkError, with rule and value, unless the engine can hold ``network``."""
        if network.family != self.family:
            raise NetworkError(
                f"engine {self.name} takes networks of the family {self.family!r}, "
                f"{network.name!r} is of {network.family!r}"
            )
        self.accepts(network)

    def capabilities(self, network: Optional[Network]) -> Capabilities:
        """What the registers say of the engine with this network (None if loadable)."""
        classes = self.classes if self.loadable else network.classes
        return Capabilities(self.number, self.loadable, self.layout(network), ResultRecord(classes, classes))

    def make(self, network: Optional[Network]) -> Engine:
        """The engine with ``network`` built in, or None for a loadable one. NetworkError if that does not fit."""
        if self.loadable and network is not None:
            raise NetworkError(
                f"engine {self.name} takes its network at run time, {network.name!r} cannot be built in"
            )
        if not self.loadable:
            if network is None:
                raise NetworkError(f"engine {self.name} has its network built in, and none is given")
            self.check(network)
        return self.build(network, self.capabilities(network))


def uint8_layout(ports: int = 1) -> Callable[[Network], ImageLayout]:
    """For `EngineSpec.layout`: plain arrays of the network's own image shape."""
    return lambda network: ImageLayout(tuple(network.image_shape), ports)
