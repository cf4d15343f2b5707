"""The pixels of two images: one arrives while passes read the other."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, Constant, If, Memory, Mux, Signal

from gateware.cores.delay import delayed

SIDE_BITS = 5


class PixelMemory(LiteXModule):
    """Collect pixels row by row, in slot 0, then slot 1, and so on.

    sink:      word (8 bits), a pixel. An image is ``beats`` times 8 words; those behind its last pixel are
               dropped.
    read:      slot, row, column.
    pixel:     8 bits, 2 clocks later: the pixel >> shift.
    rows:      the number of complete rows of the image that arrives; 0 once it is complete.
    slot:      of the image that arrives.
    full:      for each slot, whether it has a complete image.
    release:   a bit for each slot, high for one clock when its image is no longer needed.
    last_row, last_column, beats, shift: constant while images are here.
    """

    def __init__(self):
        self.sink = sink = stream.Endpoint([("word", 8)])
        self.last_row = Signal(SIDE_BITS)
        self.last_column = Signal(SIDE_BITS)
        self.beats = Signal(8)
        self.shift = Signal(3)
        self.read_slot = Signal()
        self.read_row = Signal(SIDE_BITS)
        self.read_column = Signal(SIDE_BITS)
        self.pixel = Signal(8, reset_less=True)
        self.rows = Signal(SIDE_BITS)
        self.slot = Signal()
        self.full = Signal(2)
        self.release = Signal(2)

        # # #

        memory = Memory(8, 2 << 2 * SIDE_BITS, name="pixels")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port

        # The sink counts the words of an image, so that it can close behind the last one. Everything else
        # happens a clock later.
        number = Signal(11)
        is_last = Signal()
        next_slot = Signal()  # of the image whose words the sink takes
        open_ = Signal(reset=1)
        last_but_one = Signal(11)
        taken = Signal()
        ends = Signal()
        self.comb += [sink.ready.eq(open_), taken.eq(sink.valid & open_), ends.eq(taken & is_last)]
        self.sync += [
            last_but_one.eq(Cat(Constant(0, 3), self.beats) - 2),
            If(
                taken,
                number.eq(number + 1),
                is_last.eq(number == last_but_one),
                If(is_last, number.eq(0), next_slot.eq(~next_slot)),
            ),
            If(ends, open_.eq(~Mux(next_slot, self.full[0], self.full[1]))).Elif(
                ~open_, open_.eq(~Mux(next_slot, self.full[1], self.full[0]))
            ),
        ]
        word = delayed(self, sink.word, 1, "word")
        arrived = delayed(self, taken, 1, "arrived", reset_less=False)
        was_last = delayed(self, is_last, 1, "was_last")
        column = Signal(SIDE_BITS)
        at_last_column = Signal()
        at_last_row = Signal()
        complete = Signal()  # what still arrives is padding
        stores = Signal()
        completes = Signal()
        self.comb += [
            stores.eq(arrived & ~complete),
            at_last_column.eq(column == self.last_column),
            completes.eq(stores & at_last_column & at_last_row),
        ]
        self.sync += [
            at_last_row.eq(self.rows == self.last_row),
            If(
                stores,
                column.eq(column + 1),
                If(at_last_column, column.eq(0), self.rows.eq(self.rows + 1)),
            ),
            If(completes, self.rows.eq(0), self.slot.eq(~self.slot)),
            If(arrived, complete.eq((complete | completes) & ~was_last)),
            self.full.eq((self.full | Mux(completes, Cat(~self.slot, self.slot), 0)) & ~self.release),
        ]
        self.comb += [
            write_port.adr.eq(delayed(self, Cat(column, self.rows, self.slot), 1, "write_address")),
            write_port.dat_w.eq(delayed(self, word >> self.shift, 1, "write_pixel")),
            write_port.we.eq(delayed(self, stores, 1, "writes", reset_less=False)),
            read_port.adr.eq(Cat(self.read_column, self.read_row, self.read_slot)),
        ]
        self.sync += self.pixel.eq(read_port.dat_r)  # the block RAM's output register
