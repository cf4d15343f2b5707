"""The masters and the slave as Verilog modules ``dut`` with a pin for every signal in the rules."""

from __future__ import annotations

from migen import Module, Signal

from gateware.shell.axi.axi3 import Axi3Port
from gateware.shell.axi.burst_reader import BurstReader
from gateware.shell.axi.burst_writer import BurstWriter
from gateware.shell.axi.register_slave import RegisterSlave
from gateware.verilog import emit, forget_names


class Pins(Module):
    """A wrapper that gives ``module`` pins with the names <channel>_<field>.

    asks: the channels on which the module sends. answers: the channels on which it receives.
    """

    def __init__(self, module, asks: dict, answers: dict, inputs: dict, outputs: dict):
        self.submodules.module = module
        self.pins = set()
        for channels, sent in ((asks, True), (answers, False)):
            for name, channel in channels.items():
                fields = {field: getattr(channel, field) for field, *_ in channel.description.payload_layout}
                if name in ("r", "w"):
                    fields["last"] = channel.last
                for field, signal in {"valid": channel.valid, **fields}.items():
                    self._connect(f"{name}_{field}", signal, sent)
                self._connect(f"{name}_ready", channel.ready, not sent)
        for name, signal in inputs.items():
            self._connect(name, signal, False)
        for name, signal in outputs.items():
            self._connect(name, signal, True)

    def _connect(self, name, signal, out):
        pin = Signal(len(signal), name=name)
        self.pins.add(pin)
        self.comb += pin.eq(signal) if out else signal.eq(pin)


def reader(**parameters) -> str:
    forget_names()
    port = Axi3Port(64, 6)
    dut = BurstReader(port, **parameters)
    overflow = Signal()
    dut.comb += overflow.eq(dut.fifo.sink.valid & ~dut.fifo.sink.ready & ~dut.abort)
    return _emit(
        Pins(
            dut,
            {"ar": port.ar},
            {"r": port.r},
            {
                "start": dut.start,
                "abort": dut.abort,
                "address": dut.address,
                "beats": dut.beats,
                "source_ready": dut.source.ready,
            },
            {
                "idle": dut.idle,
                "failed": dut.failed,
                "error_address": dut.error_address,
                "source_valid": dut.source.valid,
                "overflow": overflow,
            },
        )
    )


def writer() -> str:
    forget_names()
    port = Axi3Port(64, 6)
    dut = BurstWriter(port)
    return _emit(
        Pins(
            dut,
            {"aw": port.aw, "w": port.w},
            {"b": port.b},
            {
                "start": dut.start,
                "abort": dut.abort,
                "address": dut.address,
                "beats": dut.beats,
                "sink_valid": dut.sink.valid,
                "sink_data": dut.sink.data,
            },
            {
                "idle": dut.idle,
                "failed": dut.failed,
                "error_address": dut.error_address,
                "sink_ready": dut.sink.ready,
            },
        )
    )


def slave() -> str:
    forget_names()
    port = Axi3Port(32, 12)
    return _emit(
        Pins(
            RegisterSlave(port),
            {"r": port.r, "b": port.b},
            {"ar": port.ar, "aw": port.aw, "w": port.w},
            {},
            {},
        )
    )


def _emit(module: Pins) -> str:
    return emit(module, "dut", module.pins)
