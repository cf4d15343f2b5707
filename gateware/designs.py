"""The designs that can be built.

A design has an engine that a folder of `gateware.engines` declares; its network is built in or loadable.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from gateware import engines
from gateware.device import DEFAULT_BOARD
from gateware.engines.engine import EngineSpec
from gateware.shell.hwh import IO_PLL_MHZ, write_hwh
from gateware.shell.top import Top
from gateware.verilog import emit_with_rooms, forget_names
from lst_overlay.hardware.bitstream_files import LOADABLE
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Network, NetworkError, load_network
from lst_overlay.samples.shipped_networks import find, names

TOP = "lst1_top"
# The Verilog that is hashed has this number in the place of BUILD_HASH.
_MARKER = 0xB0D1_E5A7


def declared_engines() -> Dict[str, EngineSpec]:
    """Return every declared engine by name, the least parallel first. ValueError if two share a name."""
    specs = []
    for module in pkgutil.iter_modules(engines.__path__):
        if module.ispkg:
            specs += importlib.import_module(f"{engines.__name__}.{module.name}.engine").SPECS
    by_name = {spec.name: spec for spec in sorted(specs, key=lambda spec: -spec.cycles_per_image)}
    if len(by_name) != len(specs):
        raise ValueError(f"engines must have names of their own, found {sorted(spec.name for spec in specs)}")
    return by_name


ENGINES = declared_engines()


@dataclass(frozen=True)
class Design:
    """A design: the top module around an engine.

    network:    the built-in network; None if the engine is loadable.
    verilog:    the text of the top module and all others.
    rooms:      the submodule of each name in it; see `emit_with_rooms`.
    build_hash: the hash of every line of ``verilog`` except the value of register BUILD_HASH.
    divisors:   FCLK0 runs at 1000 MHz / (d0 * d1).
    """

    engine: str
    network: Optional[Network]
    verilog: str
    rooms: Dict[str, str]
    build_hash: int
    capabilities: Capabilities
    divisors: Tuple[int, int]

    @property
    def period_ns(self) -> float:
        """The period of FCLK0."""
        return 1000 * self.divisors[0] * self.divisors[1] / IO_PLL_MHZ

    @property
    def stem(self) -> str:
        """The stem of the design's file names, for example 'pixel_serial-loadable'."""
        return f"{self.engine}-{self.network.name if self.network else LOADABLE}"

    def write_hwh(self, path: Path, bitstream: Optional[Path] = None, board: str = DEFAULT_BOARD) -> None:
        """Write the .hwh of the design: see `gateware.shell.hwh.write_hwh`."""
        spec = ENGINES[self.engine]
        write_hwh(
            path,
            self.engine,
            self.build_hash,
            self.capabilities,
            self.divisors,
            bitstream,
            board,
            spec.family,
            spec.cycles_of(self.network),
            spec.network if spec.loadable else None,
        )


def network_to_build_in(engine: str, name: Optional[str] = None) -> Optional[Network]:
    """Return the network to build in: by path or shipped name, or the engine's default if ``name`` is None.

    Returns None for a loadable engine without a name.
    """
    spec = ENGINES[engine]
    if name is None and spec.loadable:
        return None
    return load_network(find(name or spec.network))


def shipped_for(engine: str) -> List[str]:
    """Return the names of the shipped networks that an engine can hold."""
    spec, held = ENGINES[engine], []
    for name in names(spec.family):
        try:
            spec.check(load_network(find(name)))
        except NetworkError:
            continue
        held.append(name)
    return held


def make_design(engine: str, network: Optional[Network] = None) -> Design:
    """Emit the Verilog of the top around an engine. NetworkError if the engine cannot hold the network."""
    spec = ENGINES[engine]
    forget_names()
    module = spec.make(network)
    marked, rooms = emit_with_rooms(Top(module, _MARKER), TOP)
    marker = f"32'd{_MARKER}"
    assert marked.count(marker) == 1, "the marker must stand in one place alone"
    build_hash = int.from_bytes(hashlib.sha256(marked.encode()).digest()[:4], "little")
    verilog = marked.replace(marker, f"32'd{build_hash}")
    return Design(engine, network, verilog, rooms, build_hash, module.capabilities, spec.divisors)
