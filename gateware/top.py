"""The whole design: PS7, registers, burst reader and writer, and the pixel-serial engine between them."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass

from litex.gen import LiteXModule
from migen import If, ResetInserter

from gateware.axi.burst_reader import BurstReader
from gateware.axi.burst_writer import BurstWriter
from gateware.axi.register_slave import RegisterSlave
from gateware.pixel_serial.engine import PixelSerialEngine
from gateware.ps7 import ProcessingSystem
from gateware.register_table import ABI_VERSION, BY_NAME, MAGIC, Engine
from gateware.result_packer import ResultPacker
from gateware.sequencer import Sequencer
from gateware.unpacker import Unpacker
from gateware.verilog import emit, forget_names
from lst_overlay.network import IMAGE_BYTES

TOP = "lst1_top"


class Top(LiteXModule):
    """No ports: everything goes through the PS. ``build_hash`` is what the BUILD_HASH register reads."""

    def __init__(self, build_hash: int):
        self.ps = ps = ProcessingSystem()
        self.slave = slave = RegisterSlave(ps.gp0)
        self.reader = reader = BurstReader(ps.hp0)
        self.writer = writer = BurstWriter(ps.hp0)
        self.pixels, self.words = ResetInserter()(Unpacker(64, 8)), ResetInserter()(Unpacker(64, 32))
        self.engine = engine = PixelSerialEngine()
        self.packer = packer = ResetInserter()(ResultPacker())
        self.sequencer = sequencer = Sequencer(slave, reader, writer, packer, engine)

        # # #

        self.comb += [
            # What an abandoned command left behind is dropped.
            *[module.reset.eq(sequencer.flush) for module in (self.pixels, self.words, packer)],
            engine.flush.eq(sequencer.flush),
            # Beats are parameters during LOAD, pixels otherwise.
            self.pixels.sink.data.eq(reader.source.data),
            self.words.sink.data.eq(reader.source.data),
            If(sequencer.loading,
                self.words.sink.valid.eq(reader.source.valid), reader.source.ready.eq(self.words.sink.ready),
            ).Else(
                self.pixels.sink.valid.eq(reader.source.valid), reader.source.ready.eq(self.pixels.sink.ready)),
            engine.sink.valid.eq(self.pixels.source.valid),
            engine.sink.pixel.eq(self.pixels.source.word),
            self.pixels.source.ready.eq(engine.sink.ready),
            self.words.source.connect(engine.parameters),
            engine.source.connect(packer.sink),
            packer.source.connect(writer.sink),
        ]
        constants = {"MAGIC": MAGIC, "ABI_VERSION": ABI_VERSION, "BUILD_HASH": build_hash, "PARAMETER_BYTES": IMAGE_BYTES,
                     "CAPABILITIES": capabilities(ENGINE=Engine.PIXEL_SERIAL, LOADABLE=1, PORTS=1, PACKED_BITS=0)}
        self.comb += [slave.value[name].eq(constant) for name, constant in constants.items()]


def capabilities(**fields: int) -> int:
    """Value of the CAPABILITIES register."""
    offsets = {field.name: field.offset for field in BY_NAME["CAPABILITIES"].fields}
    return sum(int(value) << offsets[name] for name, value in fields.items())


@dataclass(frozen=True)
class Design:
    verilog: str
    build_hash: int


def pixel_serial_design() -> Design:
    """Emits the top. Its build hash covers every line of it, with the hash register itself read as 0."""
    build_hash = int.from_bytes(hashlib.sha256(_verilog(0).encode()).digest()[:4], "little")
    return Design(_verilog(build_hash), build_hash)


def _verilog(build_hash: int) -> str:
    forget_names()
    return emit(Top(build_hash), TOP)
