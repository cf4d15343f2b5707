"""The whole design: PS7, register slave, burst readers, burst writer, and the engine between them."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, ResetInserter

from gateware.cores.delay import delayed
from gateware.engines.engine import Engine
from gateware.shell.axi.burst_reader import BurstReader
from gateware.shell.axi.burst_writer import BurstWriter
from gateware.shell.axi.register_slave import RegisterSlave
from gateware.shell.ps7 import ProcessingSystem
from gateware.shell.result_packer import ResultPacker
from gateware.shell.sequencer import Sequencer
from lst_overlay.registers import ABI_VERSION, BY_NAME, MAGIC, MAX_IMAGES


class Top(LiteXModule):
    """The top module. It has no ports: registers and memory are accessed through the PS.

    build_hash: the value of register BUILD_HASH.
    """

    def __init__(self, engine: Engine, build_hash: int):
        self.engine = engine
        layout = engine.capabilities.layout
        stripe = layout.stripe_bursts
        self.ps = ps = ProcessingSystem(layout.hp_ports)
        self.slave = slave = ResetInserter()(RegisterSlave(ps.gp0))
        readers = [
            ResetInserter()(
                BurstReader(port, engine.fifo_beats, stripe, (layout.ports_per_buffer - 1) * stripe)
            )
            for port in ps.hp
        ]
        for number, reader in enumerate(readers):
            setattr(self.submodules, f"reader{number}", reader)
        self.writer = writer = ResetInserter()(
            BurstWriter(ps.hp[0], beats_width=(MAX_IMAGES * engine.capabilities.record.beats).bit_length())
        )
        self.packer = packer = ResetInserter()(ResultPacker(engine.values))
        self.sequencer = sequencer = ResetInserter()(Sequencer(slave, readers, writer, packer, engine))

        # # #

        # The reset passes from room to room, a clock each, so that none of its registers has many loads.
        reset = ps.reset
        for room in (slave, sequencer, writer, *readers, engine):
            reset = delayed(self, reset, 1, "room_reset")
            self.comb += room.reset.eq(reset)
        # Words and images of an abandoned command are dropped.
        self.comb += [
            packer.reset.eq(delayed(self, slave.reset | sequencer.flush, 1, "packer_reset")),
            engine.flush.eq(sequencer.flush),
            engine.start.eq(packer.start),
            engine.with_logits.eq(packer.logits_mode),
            engine.source.connect(packer.sink),
            packer.source.connect(writer.sink),
            *[reader.source.connect(sink) for reader, sink in zip(readers[1:], engine.sinks[1:])],
        ]
        self._connect_first(readers[0].source, engine, sequencer.loading)
        constants = {
            "MAGIC": MAGIC,
            "ABI_VERSION": ABI_VERSION,
            "BUILD_HASH": build_hash,
            "PARAMETER_BYTES": engine.parameter_bytes,
        }
        for register, fields in engine.capabilities.fields().items():
            offsets = {field.name: field.offset for field in BY_NAME[register].fields}
            constants[register] = sum(value << offsets[name] for name, value in fields.items())
        self.comb += [slave.value[name].eq(constant) for name, constant in constants.items()]

    def _connect_first(self, source, engine: Engine, loading):
        """Connect the first reader: its beats are parameters during LOAD, pixels otherwise."""
        pixels = engine.sinks[0]
        if not engine.parameter_bytes:
            self.comb += source.connect(pixels)
            return
        parameters = engine.parameters.sink
        self.comb += [
            pixels.data.eq(source.data),
            parameters.data.eq(source.data),
            If(loading, parameters.valid.eq(source.valid), source.ready.eq(parameters.ready)).Else(
                pixels.valid.eq(source.valid), source.ready.eq(pixels.ready)
            ),
        ]
