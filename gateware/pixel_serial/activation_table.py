"""From a sum to an activation: arithmetic shift, saturation to the table's index, table."""
from __future__ import annotations

from dataclasses import dataclass

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, If, Memory, Replicate, Signal

from gateware.delay import delayed


@dataclass(frozen=True)
class ActivationTableConfig:
    acc_width: int
    index_width: int
    code_width: int

    def __post_init__(self):
        if not self.index_width < self.acc_width <= 32:
            raise ValueError(f"acc_width must be above index_width ({self.index_width}) and at most 32, not {self.acc_width}")


class ActivationTable(LiteXModule):
    """code = table[saturate(acc >> shift)]; one per clock, 7 clocks later.

    sink:   acc (acc_width, signed), always accepted.
    source: code (code_width, signed); it cannot be held.
    shift:  0..31, constant while data is under way.
    load:   one entry per clock: address 0 is the most negative index; data (code_width, signed).
    """

    def __init__(self, cfg: ActivationTableConfig):
        self.sink = sink = stream.Endpoint([("acc", (cfg.acc_width, True))])
        self.source = source = stream.Endpoint([("code", (cfg.code_width, True))])
        self.shift = shift = Signal(5)
        self.load = load = stream.Endpoint([("address", cfg.index_width), ("data", cfg.code_width)])

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]

        # Three registers, each a multiplexer of at most four: one LUT6 per bit.
        shifted = sink.acc
        for number, (select, places) in enumerate([(shift[0:2], (0, 1, 2, 3)), (shift[2:4], (0, 4, 8, 12)), (shift[4], (0, 16))]):
            stage = Signal((cfg.acc_width, True), reset_less=True, name=f"shifted{number}")
            self.sync += Case(select, {i: stage.eq(shifted >> n) for i, n in enumerate(places)})
            shifted = stage

        # It fits if all bits above the index's sign equal it.
        above = shifted[cfg.index_width - 1:]
        all_zeros = Signal(reset_less=True)
        all_ones = Signal(reset_less=True)
        low = Signal(cfg.index_width - 1, reset_less=True)
        negative = Signal(reset_less=True)
        self.sync += [
            all_zeros.eq(above == 0),
            all_ones.eq(above == 2**len(above) - 1),
            low.eq(shifted),
            negative.eq(shifted[-1]),
        ]
        address = Signal(cfg.index_width, reset_less=True)
        self.sync += [
            address.eq(Cat(low, ~negative)),  # index + 2**(index_width - 1)
            If(~(all_zeros | all_ones), address.eq(Replicate(~negative, cfg.index_width))),
        ]

        table = Memory(cfg.code_width, 1 << cfg.index_width, name="table")
        write_port, read_port = table.get_port(write_capable=True), table.get_port(mode=READ_FIRST)
        self.specials += table, write_port, read_port
        self.comb += [
            write_port.adr.eq(load.address), write_port.dat_w.eq(load.data), write_port.we.eq(load.valid),
            read_port.adr.eq(address),
            source.valid.eq(delayed(self, sink.valid, 7, reset_less=False)),
        ]
        self.sync += source.code.eq(read_port.dat_r)  # the block RAM's output register
