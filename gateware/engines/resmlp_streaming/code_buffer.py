"""The codes of two blocks: one is multiplied while the other arrives."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Memory, Signal

from gateware.cores.delay import delayed
from gateware.engines.resmlp_streaming.folding import Fold


class CodeBuffer(LiteXModule):
    """A block is one or more groups of vectors; address counts the elements of a part, group after group.

    write:   lane (a vector of the group), part (of its elements), address, code.
    address: read; codes[part][lane] follow ``latency`` clocks later.
    """

    latency = 2

    def __init__(self, fold: Fold, groups: int, bits: int):
        depth = 2 * groups * fold.clocks
        self.write = write = stream.Endpoint(
            [
                ("lane", max(1, (fold.vectors - 1).bit_length())),
                ("part", max(1, (fold.parts - 1).bit_length())),
            ]
            + [("address", (depth - 1).bit_length()), ("code", bits)]
        )
        self.address = Signal(max=depth)

        # # #

        self.comb += write.ready.eq(1)
        address = delayed(self, self.address, 1, name="address")
        write_address = delayed(self, write.address, 1, name="write_address")
        data = delayed(self, write.code, 1, name="data")
        self.codes = []
        for part in range(fold.parts):
            lanes = []
            for lane in range(fold.vectors):
                memory = Memory(bits, depth, name=f"codes{part}_{lane}")
                write_port, read_port = memory.get_port(write_capable=True), memory.get_port(async_read=True)
                self.specials += memory, write_port, read_port
                enable = Signal(name=f"write{part}_{lane}")
                code = Signal((bits, True), reset_less=True, name=f"code{part}_{lane}")
                self.comb += [
                    write_port.adr.eq(write_address),
                    write_port.dat_w.eq(data),
                    write_port.we.eq(enable),
                    read_port.adr.eq(address),
                ]
                self.sync += [
                    enable.eq(write.valid & (write.part == part) & (write.lane == lane)),
                    code.eq(read_port.dat_r),
                ]
                lanes.append(code)
            self.codes.append(lanes)
