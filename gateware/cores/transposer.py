"""Transpose matrices in block RAM for two of them: one is written row by row, the other read by columns."""

from __future__ import annotations

from dataclasses import dataclass

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Signal

from gateware.cores.delay import delayed


@dataclass(frozen=True)
class TransposerConfig:
    """A matrix has size x size codes of code_width bits."""

    size: int
    code_width: int

    @property
    def address_width(self) -> int:
        return (self.size * self.size - 1).bit_length()


class Transposer(LiteXModule):
    """Emit a matrix column by column in size * size consecutive clocks, once it has arrived row by row.

    No back-pressure: ``ready`` is ignored on both sides. No matrix is overwritten before it has left, because
    a matrix takes at least as long to arrive as the previous one takes to leave.

    sink:   code (code_width, signed), at most one per clock.
    source: code (code_width, signed), the first one ``latency`` clocks after the last one of the matrix has
            entered.
    """

    latency = 3

    def __init__(self, cfg: TransposerConfig):
        self.sink = sink = stream.Endpoint([("code", (cfg.code_width, True))])
        self.source = source = stream.Endpoint([("code", (cfg.code_width, True))])
        stream.set_reset_less(source.payload)

        # # #

        last_address = cfg.size * cfg.size - 1
        memory = Memory(cfg.code_width, 2 << cfg.address_width, name="matrices")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port

        # Writing.
        write_address = Signal(cfg.address_width)
        write_bank = Signal()
        full = Signal()
        self.comb += [
            sink.ready.eq(1),
            full.eq(sink.valid & (write_address == last_address)),
            write_port.adr.eq(Cat(write_address, write_bank)),
            write_port.dat_w.eq(sink.code),
            write_port.we.eq(sink.valid),
        ]
        self.sync += If(
            sink.valid,
            If(full, write_address.eq(0), write_bank.eq(~write_bank)).Else(
                write_address.eq(write_address + 1)
            ),
        )

        # Reading: the address runs down a column, then starts at the top of the next.
        reading = Signal()
        read_bank = Signal()
        read_address = Signal(cfg.address_width)
        next_column = Signal(max=cfg.size + 1, reset=1)
        row = Signal(max=cfg.size)
        at_bottom = Signal()
        at_end = Signal()
        self.comb += read_port.adr.eq(Cat(read_address, read_bank))
        self.sync += [
            If(
                reading,
                at_bottom.eq(row == cfg.size - 2),
                row.eq(row + 1),
                read_address.eq(read_address + cfg.size),
                If(at_bottom, row.eq(0), read_address.eq(next_column), next_column.eq(next_column + 1)),
                at_end.eq(read_address == last_address - cfg.size),
                If(at_end, reading.eq(0), read_address.eq(0), next_column.eq(1), read_bank.eq(~read_bank)),
            ),
            If(full, reading.eq(1)),
        ]
        self.sync += source.code.eq(read_port.dat_r)  # the block RAM's output register
        self.comb += source.valid.eq(delayed(self, reading, 2, reset_less=False))
