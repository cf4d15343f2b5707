"""The images per second that the board's memory carries, beside those that an engine takes."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict

from gateware.designs import ENGINES
from gateware.device import MEMORY
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import load_network
from lst_overlay.registers import BEAT_BYTES, ResultMode
from lst_overlay.samples.shipped_networks import find

RATES = ("ports", "peak", "sequential", "designed", "engine", "lower")  # what `carried` says in images/s


def port_bytes_per_second(layout: ImageLayout, mhz: float) -> float:
    """Return the bytes per second that the HP ports of a layout deliver, each a beat per clock."""
    sharing = Counter(number // 2 for number in layout.hp_ports)  # HP0 and HP1 share a port, HP2 and HP3 too
    return sum(min(ports * BEAT_BYTES * 1e6 * mhz, MEMORY.controller_port) for ports in sharing.values())


def carried(run: Dict[str, Any]) -> Dict[str, Any]:
    """Return what memory carries for the design of ``run``, a report under the ideal memory model.

    read, written: bytes per image.
    ports, peak, sequential, designed: the images/s that each limit of memory permits.
    engine:        the images/s of the engine with ideal memory.
    share:         the percentage of the DRAM's peak that the engine takes with ideal memory.
    lower:         the lower of ``engine`` and ``designed``.
    note:          the share in words if it is more than the DRAM's controller was designed for, else None.
    """
    spec, network = ENGINES[run["engine"]], load_network(find(run["network"]))
    design = spec.capabilities(None if spec.loadable else network).of_network(network)
    read = design.layout.bytes_per_image * design.layout.buffers
    written = design.record.bytes(ResultMode.CLASSES, BEAT_BYTES) // BEAT_BYTES
    at_peak, engine = MEMORY.peak / (read + written), run["images_per_second"]
    designed = MEMORY.designed * at_peak
    share = 100 * engine / at_peak
    return {
        "read": read,
        "written": written,
        "ports": port_bytes_per_second(design.layout, run["fclk_mhz"]) / read,
        "peak": at_peak,
        "sequential": MEMORY.sequential * at_peak,
        "designed": designed,
        "engine": engine,
        "share": share,
        "lower": min(engine, designed),
        "note": f"the engine asks for {share:.1f} % of the DRAM's peak" if engine > designed else None,
    }
