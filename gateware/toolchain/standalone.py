"""The engine as a module of its own, with named pins: measured as scope "engine" and stepped in tests."""

from __future__ import annotations

from typing import Optional

from migen import Module, Signal

from gateware.designs import ENGINES
from gateware.engines.engine import Engine
from gateware.verilog import emit, forget_names
from lst_overlay.network import Network

ENGINE = "engine"


class StandaloneEngine(Module):
    """Pins: beats0_* (beats1_*), results_* (valid, ready, data), start, flush, with_logits, starved, blocked.

    Of a loadable engine also parameters_*, load_start, load_abandon, loaded, bad, crc.
    """

    def __init__(self, engine: Engine):
        self.submodules.engine = engine
        self.pins = set()
        for number, sink in enumerate(engine.sinks):
            self._sink(f"beats{number}", sink, sink.data)
        if engine.parameter_bytes:
            parameters = engine.parameters
            self._sink("parameters", parameters.sink, parameters.sink.data)
            self._inputs("", {"load_start": parameters.start, "load_abandon": parameters.abandon})
            self._outputs("", {"loaded": parameters.loaded, "bad": parameters.bad, "crc": parameters.crc})
        results = {"valid": engine.source.valid, "data": engine.source.word, "last": engine.source.last}
        self._outputs("results", results)
        self._inputs("results", {"ready": engine.source.ready})
        self._inputs("", {"start": engine.start, "flush": engine.flush, "with_logits": engine.with_logits})
        self._outputs("", {"starved": engine.starved, "blocked": engine.blocked})

    def _sink(self, prefix, endpoint, data):
        self._inputs(prefix, {"valid": endpoint.valid, "data": data})
        self._outputs(prefix, {"ready": endpoint.ready})

    def _inputs(self, prefix, signals):
        self.comb += [signal.eq(self._pin(prefix, name, signal)) for name, signal in signals.items()]

    def _outputs(self, prefix, signals):
        self.comb += [self._pin(prefix, name, signal).eq(signal) for name, signal in signals.items()]

    def _pin(self, prefix, name, signal):
        pin = Signal(len(signal), name=f"{prefix}_{name}".lstrip("_"))
        self.pins.add(pin)
        return pin


def standalone_engine_verilog(engine: str = "pixel_serial", network: Optional[Network] = None) -> str:
    """engine: a key of designs.ENGINES."""
    forget_names()
    module = StandaloneEngine(ENGINES[engine].make(network))
    return emit(module, ENGINE, module.pins)
