"""A matrix of codes of each of two images, written in one order and read in another."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, Memory, Signal

from gateware.engines.pixel_serial.sequencer import INPUT_BITS


class CodeMemory(LiteXModule):
    """A memory of codes, each at the image, row and column where it belongs.

    write: image, row, column, code: one per clock; it can be read from the next clock on.
    image, row, column: what is read; code (width bits, signed) follows 2 clocks later.
    """

    latency = 2

    def __init__(self, width: int):
        place = [("image", 1), ("row", INPUT_BITS), ("column", INPUT_BITS)]
        self.write = write = stream.Endpoint([*place, ("code", (width, True))])
        self.image = Signal()
        self.row = Signal(INPUT_BITS)
        self.column = Signal(INPUT_BITS)
        self.code = Signal((width, True), reset_less=True)

        # # #

        memory = Memory(width, 2 << 2 * INPUT_BITS, name="codes")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        self.comb += [
            write.ready.eq(1),
            write_port.adr.eq(Cat(write.column, write.row, write.image)),
            write_port.dat_w.eq(write.code),
            write_port.we.eq(write.valid),
            read_port.adr.eq(Cat(self.column, self.row, self.image)),
        ]
        self.sync += self.code.eq(read_port.dat_r)  # the block RAM's output register
