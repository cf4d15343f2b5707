"""The engine as a module of its own, with named pins: what is measured as scope "engine" and stepped in tests."""
from __future__ import annotations

from migen import Module, Signal

from gateware.pixel_serial.engine import PixelSerialEngine
from gateware.verilog import emit, forget_names

ENGINE = "engine"


class StandaloneEngine(Module):
    """Pins: pixels_*, parameters_*, results_* (valid, ready, data), flush, load_start, load_abandon, loaded, bad, crc."""

    def __init__(self):
        self.submodules.engine = engine = PixelSerialEngine()
        self.pins = set()
        loader = engine.loader
        for prefix, endpoint, field in (("pixels", engine.sink, "pixel"), ("parameters", engine.parameters, "word")):
            self._inputs(prefix, {"valid": endpoint.valid, "data": getattr(endpoint, field)})
            self._outputs(prefix, {"ready": endpoint.ready})
        self._outputs("results", {"valid": engine.source.valid, "data": engine.source.word, "last": engine.source.last})
        self._inputs("results", {"ready": engine.source.ready})
        self._inputs("", {"flush": engine.flush, "load_start": loader.start, "load_abandon": loader.abandon})
        self._outputs("", {"loaded": loader.loaded, "bad": loader.bad, "crc": loader.crc,
                           "starved": engine.starved, "blocked": engine.blocked})

    def _inputs(self, prefix, signals):
        self.comb += [signal.eq(self._pin(prefix, name, signal)) for name, signal in signals.items()]

    def _outputs(self, prefix, signals):
        self.comb += [self._pin(prefix, name, signal).eq(signal) for name, signal in signals.items()]

    def _pin(self, prefix, name, signal):
        pin = Signal(len(signal), name=f"{prefix}_{name}".lstrip("_"))
        self.pins.add(pin)
        return pin


def standalone_engine_verilog() -> str:
    forget_names()
    module = StandaloneEngine()
    return emit(module, ENGINE, module.pins)
