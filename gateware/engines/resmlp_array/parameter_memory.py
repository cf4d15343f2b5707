"""The parameters of pairs of rows or channels, one word of each per clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Memory, Signal

from gateware.cores.delay import delayed


class ParameterMemory(LiteXModule):
    """The words of each lane, ``latency`` clocks after their address.

    load: lane, address, data.
    """

    latency = 2

    def __init__(self, width: int, lanes: int, depth: int):
        self.address = Signal(max=depth)
        self.words = []
        self.load = load = stream.Endpoint([("lane", 1), ("address", len(self.address)), ("data", width)])

        # # #

        self.comb += load.ready.eq(1)
        for lane in range(lanes):
            memory = Memory(width, depth, name=f"parameters{lane}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port
            self.comb += [
                write_port.adr.eq(load.address),
                write_port.dat_w.eq(load.data),
                write_port.we.eq(load.valid & (load.lane == lane)),
                read_port.adr.eq(self.address),
            ]
            self.words.append(delayed(self, read_port.dat_r, 1, name=f"word{lane}_"))
