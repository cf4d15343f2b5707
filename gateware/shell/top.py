"""The whole design: PS7, registers, burst readers and writer, and an engine between them."""

from __future__ import annotations

from typing import Dict

from litex.gen import LiteXModule
from migen import If, ResetInserter

from gateware.cores.unpacker import Unpacker
from gateware.shell.axi.burst_reader import BurstReader
from gateware.shell.axi.burst_writer import BurstWriter
from gateware.shell.axi.register_slave import RegisterSlave
from gateware.shell.ps7 import ProcessingSystem
from gateware.shell.result_packer import ResultPacker
from gateware.shell.sequencer import Sequencer
from lst_overlay.registers import ABI_VERSION, BY_NAME, MAGIC


class Top(LiteXModule):
    """No ports: everything goes through the PS. ``build_hash`` is what the BUILD_HASH register reads."""

    def __init__(self, engine, build_hash: int):
        self.engine = engine
        layout = engine.layout
        self.ps = ps = ProcessingSystem(layout.hp_ports)
        self.slave = slave = RegisterSlave(ps.gp0)
        for number, port in enumerate(ps.hp):
            setattr(
                self.submodules, f"reader{number}", BurstReader(port, engine.fifo_beats, layout.skip_bursts)
            )
        readers = [getattr(self, f"reader{number}") for number in range(layout.ports)]
        self.writer = writer = BurstWriter(ps.hp[0])
        self.packer = packer = ResetInserter()(ResultPacker())
        self.sequencer = sequencer = Sequencer(slave, readers, writer, packer, engine)

        # # #

        self.comb += [
            # What an abandoned command left behind is dropped.
            packer.reset.eq(sequencer.flush),
            engine.flush.eq(sequencer.flush),
            engine.with_logits.eq(packer.logits_mode),
            engine.source.connect(packer.sink),
            packer.source.connect(writer.sink),
        ]
        if engine.parameter_bytes:
            self._add_loadable(readers[0])
        else:
            self.comb += [reader.source.connect(sink) for reader, sink in zip(readers, engine.sinks)]
        if layout.take_turns:
            self.comb += engine.start.eq(packer.start)
        offsets = {field.name: field.offset for field in BY_NAME["CAPABILITIES"].fields}
        constants = {
            "MAGIC": MAGIC,
            "ABI_VERSION": ABI_VERSION,
            "BUILD_HASH": build_hash,
            "PARAMETER_BYTES": engine.parameter_bytes,
            "CAPABILITIES": sum(value << offsets[name] for name, value in capabilities_of(engine).items()),
        }
        self.comb += [slave.value[name].eq(constant) for name, constant in constants.items()]

    def _add_loadable(self, reader):
        """Beats are parameters during LOAD, pixels otherwise."""
        self.pixels, self.words = ResetInserter()(Unpacker(64, 8)), ResetInserter()(Unpacker(64, 32))
        engine, pixels, words, sequencer = self.engine, self.pixels, self.words, self.sequencer
        self.comb += [
            *[module.reset.eq(sequencer.flush) for module in (pixels, words)],
            pixels.sink.data.eq(reader.source.data),
            words.sink.data.eq(reader.source.data),
            If(
                sequencer.loading,
                words.sink.valid.eq(reader.source.valid),
                reader.source.ready.eq(words.sink.ready),
            ).Else(pixels.sink.valid.eq(reader.source.valid), reader.source.ready.eq(pixels.sink.ready)),
            engine.sink.valid.eq(pixels.source.valid),
            engine.sink.pixel.eq(pixels.source.word),
            pixels.source.ready.eq(engine.sink.ready),
            words.source.connect(engine.parameters),
        ]


def capabilities_of(engine) -> Dict[str, int]:
    """Fields of the CAPABILITIES register."""
    return {
        "ENGINE": int(engine.number),
        "LOADABLE": int(engine.parameter_bytes > 0),
        "PORTS": engine.layout.ports,
        "PACKED_BITS": engine.layout.packed_bits,
    }
