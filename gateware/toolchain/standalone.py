"""The engine as a module of its own, with named pins: what is measured as scope "engine" and stepped in tests."""

from __future__ import annotations

from typing import Optional

from migen import Module, Signal

from gateware.designs import ENGINES
from gateware.verilog import emit, forget_names
from lst_overlay.network import Network

ENGINE = "engine"


class StandaloneEngine(Module):
    """Pins: pixels_* or beats0_*, beats1_*, results_* (valid, ready, data), flush, with_logits, starved, blocked.

    Of a loadable engine also parameters_*, load_start, load_abandon, loaded, bad, crc.
    """

    def __init__(self, engine):
        self.submodules.engine = engine
        self.pins = set()
        if engine.parameter_bytes:
            loader = engine.loader
            self._sink("pixels", engine.sink, engine.sink.pixel)
            self._sink("parameters", engine.parameters, engine.parameters.word)
            self._inputs("", {"load_start": loader.start, "load_abandon": loader.abandon})
            self._outputs("", {"loaded": loader.loaded, "bad": loader.bad, "crc": loader.crc})
        else:
            for number, sink in enumerate(engine.sinks):
                self._sink(f"beats{number}", sink, sink.data)
        self._outputs(
            "results", {"valid": engine.source.valid, "data": engine.source.word, "last": engine.source.last}
        )
        self._inputs("results", {"ready": engine.source.ready})
        self._inputs("", {"flush": engine.flush, "with_logits": engine.with_logits})
        if engine.layout.take_turns:
            self._inputs("", {"start": engine.start})
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
