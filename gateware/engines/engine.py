"""The declaration of an engine, which every tool reads, and the interface between engine and shell.

       +----------------- shell ------------------+           +---------- engine ----------+
HP0 -->| BurstReader 0                            |----64---->| sinks[0], parameters.sink  |
HP2 -->| BurstReader 1 (HP2, HP1, HP3: as many    |----64---->| sinks[1]                   |
HP1 -->| BurstReader 2  as the layout has ports)  |----64---->| sinks[2]                   |
HP3 -->| BurstReader 3                            |----64---->| sinks[3]                   |
       | Sequencer                                |---------->| start, flush, with_logits  |
       |                                          |<----------| starved, blocked           |
       |                                          |---------->| parameters.start, .abandon |
       |                                          |<----------| parameters.loaded, .bad    |
       |                                          |<---32-----| parameters.crc             |
HP0 <--| BurstWriter <--64-- ResultPacker         |<---32-----| source                     |
       +------------------------------------------+           +----------------------------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Protocol, Tuple, Union

from litex.soc.interconnect.stream import Endpoint
from migen import Signal

from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.network import Network, NetworkError, check_family


class Parameters(Protocol):
    """The network of an engine: constants of the design, or the result of a LOAD.

    loaded: a network is complete.
    bad:    the last LOAD read no parameters of this engine.
    crc:    32 bits, the value of NETWORK_HASH; 0 while no network is loaded.

    A loadable engine has three more signals:
    start:   high for one clock: drop the network and accept another.
    abandon: held high: drop the network of this LOAD, complete or not.
    sink:    data (64 bits), the beats of the parameters.
    """

    loaded: Signal
    bad: Signal
    crc: Signal


class Engine(Protocol):
    """The interface of a module between burst readers and result packer. An engine knows no bus.

    fifo_beats:      the depth of each reader's FIFO.
    parameter_bytes: the number of bytes that LOAD reads, a multiple of 8; 0 if the network is built in.
    image_beats:     the number of beats of an image on each port; a signal of constant value while an image
                     is in the engine, if the loaded network determines it.
    values:          the number of values of an image's result, likewise.

    sinks:       one stream for each port of the layout: data (64 bits), the beats of images.
    source:      word (32 bits). If ``with_logits``, an image is the values of its record and then its class,
                 else its class only. ``last`` marks the class.
    with_logits: constant while an image is in the engine.
    start:       high for one clock before the first beat of a batch.
    flush:       held high for at least eight clocks, then low for four before the next beat: drop every image
                 in the engine and keep the network.
    reset:       forget a loaded network too.
    starved:     an image could be admitted, but its pixels are missing.
    blocked:     no image can be admitted until results are accepted.
    """

    capabilities: Capabilities
    fifo_beats: int
    parameter_bytes: int
    image_beats: Union[int, Signal]
    values: Union[int, Signal]
    sinks: List[Endpoint]
    source: Endpoint
    with_logits: Signal
    start: Signal
    flush: Signal
    reset: Signal
    starved: Signal
    blocked: Signal
    parameters: Parameters


@dataclass(frozen=True)
class EngineSpec:
    """The declaration of an engine, the only description that designs, commands, reports and tests use.

    number:           the value of CAPABILITIES.ENGINE. Specs of one engine with different layouts share it.
    name:             the engine's name in commands, file names and reports.
    idea, chosen_for: phrases for lists of engines: how the engine works, and what it is best at.
    divisors:         FCLK0 runs at 1000 MHz / (d0 * d1).
    cycles_per_image: the interval, in clock cycles, between images of a long batch that memory never delays.
    cycles:           a function that returns it for a network, if networks differ; ``cycles_per_image`` is
                      then that of the default network.
    network:          the name of the shipped network that is used if none is named.
    measured_with:    the names of the networks whose figures docs/ladder.md shows.
    build:            a function that makes the engine from a network (None for a loadable engine).
    accepts:          a function that raises NetworkError, with rule and value, for a network that does not
                      fit.
    layout:           a function that returns the layout of images for a network (None for a loadable engine).
    family:           the family of the networks that the engine takes.
    loadable:         the network arrives by LOAD; otherwise it is built in.
    classes:          the number of classes of a loadable engine; None if the network determines it.
    part:             the part that it is made for, a key of `CAPACITY`; larger ones hold it as well.
    by_network:       images and results of a loadable engine follow the network; ``layout`` and ``classes``
                      are the greatest.
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
    by_network: bool = False
    cycles: Optional[Callable[[Network], int]] = None
    part: str = "xc7z010"

    def cycles_of(self, network: Optional[Network]) -> int:
        """Return the cycles per image with a network, or with the default one."""
        return self.cycles_per_image if None in (self.cycles, network) else self.cycles(network)

    def check(self, network: Network) -> None:
        """Raise NetworkError, with rule and value, if the engine cannot hold ``network``."""
        check_family(network, self.family)
        self.accepts(network)

    def capabilities(self, network: Optional[Network]) -> Capabilities:
        """Return the values of the capability registers for a network (None for a loadable engine)."""
        classes = self.classes if self.loadable else network.classes
        record = ResultRecord(classes, classes)
        return Capabilities(self.number, self.loadable, self.layout(network), record, self.by_network)

    def make(self, network: Optional[Network]) -> Engine:
        """Make the engine with ``network`` built in; a loadable engine takes None.

        Raises NetworkError if the network does not fit or is not what the engine takes.
        """
        if self.loadable and network is not None:
            self.check(network)
            raise NetworkError(
                f"engine {self.name} takes its network at run time, {network.name!r} cannot be built in"
            )
        if not self.loadable:
            if network is None:
                raise NetworkError(f"engine {self.name} has its network built in, and none is given")
            self.check(network)
        return self.build(network, self.capabilities(network))


def uint8_layout(ports: int = 1) -> Callable[[Network], ImageLayout]:
    """Return an `EngineSpec.layout` of uint8 arrays in the network's image shape, over ``ports`` ports."""
    return lambda network: ImageLayout(tuple(network.image_shape), ports)
