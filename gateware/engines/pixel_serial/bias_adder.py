"""Add each lane's bias to the sums that leave a MacArray one after another."""

from __future__ import annotations

from dataclasses import dataclass

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Memory, Signal

from gateware.cores.delay import delayed


@dataclass(frozen=True)
class BiasAdderConfig:
    lanes: int
    acc_width: int
    bias_width: int = 32

    @property
    def address_width(self) -> int:
        return (self.lanes - 1).bit_length()


class BiasAdder(LiteXModule):
    """acc + bias, 2 clocks later; sums arrive in the order of lanes 0, 1, .. lanes - 1, 0, ..

    No back-pressure: ``ready`` is ignored on both sides. The sum is exact if it fits bias_width, which the
    exporter guarantees (31 bits).

    sink:   acc (acc_width, signed).
    source: acc (bias_width, signed), lane.
    load:   one bias per clock: address, data (bias_width, signed).
    """

    def __init__(self, cfg: BiasAdderConfig):
        self.sink = sink = stream.Endpoint([("acc", (cfg.acc_width, True))])
        self.source = source = stream.Endpoint([("acc", (cfg.bias_width, True)), ("lane", cfg.address_width)])
        self.load = load = stream.Endpoint([("address", cfg.address_width), ("data", cfg.bias_width)])
        stream.set_reset_less(source.payload)

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]
        lane = Signal(cfg.address_width)
        self.sync += If(sink.valid, If(lane == cfg.lanes - 1, lane.eq(0)).Else(lane.eq(lane + 1)))

        biases = Memory(cfg.bias_width, cfg.lanes, name="biases")
        write_port, read_port = biases.get_port(write_capable=True), biases.get_port(async_read=True)
        self.specials += biases, write_port, read_port
        self.comb += [
            write_port.adr.eq(load.address),
            write_port.dat_w.eq(load.data),
            write_port.we.eq(load.valid),
            read_port.adr.eq(lane),
        ]

        acc = Signal((cfg.acc_width, True), reset_less=True)
        bias = Signal((cfg.bias_width, True), reset_less=True)
        self.sync += [acc.eq(sink.acc), bias.eq(read_port.dat_r), source.acc.eq(acc + bias)]
        self.comb += [
            source.valid.eq(delayed(self, sink.valid, 2, reset_less=False)),
            source.lane.eq(delayed(self, lane, 2)),
        ]
