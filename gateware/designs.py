"""What can be built: every engine that a folder of `gateware.engines` declares, with a network built in or loadable."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from gateware import engines
from gateware.engines.engine import EngineSpec
from gateware.shell.top import Top
from gateware.verilog import emit, forget_names
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Network, load_network
from lst_overlay.samples.shipped_networks import find

TOP = "lst1_top"
LOADABLE = "loadable"  # in the place of a network's name
# Stands in the Verilog that is hashed where BUILD_HASH will stand.
_MARKER = 0xB0D1_E5A7


def declared_engines() -> Dict[str, EngineSpec]:
    """Every engine by name, the least parallel first. ValueError if two share a name."""
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
    """The top around an engine. ``network``: the one built in, None if it is loaded at run time.

    build_hash: covers every line of ``verilog`` but the value of the register that carries it.
    """

    engine: str
    network: Optional[Network]
    verilog: str
    build_hash: int
    capabilities: Capabilities
    divisors: Tuple[int, int]

    @property
    def stem(self) -> str:
        """The name of its files: 'pixel_serial-loadable', 'row_parallel-lst1_w4a4p2'."""
        return f"{self.engine}-{self.network.name if self.network else LOADABLE}"


def network_to_build_in(engine: str, name: Optional[str] = None) -> Optional[Network]:
    """The network of this file or shipped name, else the engine's own; None if the engine takes its at run time."""
    spec = ENGINES[engine]
    if name is None and spec.loadable:
        return None
    return load_network(find(name or spec.network))


def make_design(engine: str, network: Optional[Network] = None) -> Design:
    """Emits the top around an engine. NetworkError if the engine cannot have this network, or none."""
    spec = ENGINES[engine]
    forget_names()
    module = spec.make(network)
    marked = emit(Top(module, _MARKER), TOP)
    marker = f"32'd{_MARKER}"
    assert marked.count(marker) == 1, "the marker must stand in one place alone"
    build_hash = int.from_bytes(hashlib.sha256(marked.encode()).digest()[:4], "little")
    verilog = marked.replace(marker, f"32'd{build_hash}")
    return Design(engine, network, verilog, build_hash, module.capabilities, spec.divisors)
