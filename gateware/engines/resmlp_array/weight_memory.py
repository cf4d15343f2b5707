"""The weights of all matrices: those of a tile's rows in a word."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, Memory, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.array_format import WEIGHT_ADDRESS_BITS, WEIGHT_DEPTH, ArrayFormat


class WeightMemory(LiteXModule):
    """A word of weights per clock, ``latency`` clocks after its address.

    address: 14 bits.
    word:    a weight of each row.
    load:    lane (32 bits of the word each), address, data.
    """

    latency = 3

    def __init__(self, fmt: ArrayFormat):
        width = fmt.rows * fmt.weight_bits
        self.address = Signal(WEIGHT_ADDRESS_BITS)
        self.word = Signal(width, reset_less=True)
        self.load = load = stream.Endpoint([("lane", 2), ("address", WEIGHT_ADDRESS_BITS), ("data", 32)])

        # # #

        self.comb += load.ready.eq(1)
        parts = []
        for part in range(fmt.weight_words // WEIGHT_DEPTH):
            lanes = []
            write = Signal(fmt.weight_lanes, name=f"write{part}_")
            address, data = delayed(self, load.address, 1), delayed(self, load.data, 1)
            self.sync += [
                write[lane].eq(load.valid & (load.lane == lane) & (load.address[11:] == part))
                for lane in range(fmt.weight_lanes)
            ]
            for lane in range(fmt.weight_lanes):
                bits = min(32, width - 32 * lane)
                memory = Memory(bits, WEIGHT_DEPTH, name=f"weights{part}_{lane}")
                write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
                self.specials += memory, write_port, read_port
                self.comb += [
                    write_port.adr.eq(address),
                    write_port.dat_w.eq(data),
                    write_port.we.eq(write[lane]),
                    read_port.adr.eq(self.address),
                ]
                lanes.append(read_port.dat_r)
            parts.append(delayed(self, Cat(*lanes), 1, name=f"word{part}_"))
        chosen = delayed(self, self.address[11:], 2, name="part")
        self.sync += Case(
            chosen, {**dict(enumerate(map(self.word.eq, parts))), "default": self.word.eq(parts[-1])}
        )
