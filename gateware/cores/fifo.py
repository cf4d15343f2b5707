"""A FIFO in LUT RAM or block RAM with registered flags: no combinational path from one side to the other."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, If, Memory, Mux, Signal


class Fifo(LiteXModule):
    """A FIFO of words with their ``last`` flag.

    sink, source: data (width bits), last.
    depth:        a power of two, at least 8; at least depth - 3 words fit.
    block_ram:    the memory is block RAM, not LUT RAM; a word then takes one clock longer from sink to
                  source.
    """

    def __init__(self, width: int, depth: int, block_ram: bool = False):
        if depth < 8 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two of at least 8, not {depth}")
        self.sink = sink = stream.Endpoint([("data", width)])
        self.source = source = stream.Endpoint([("data", width)])

        # # #

        memory = Memory(width + 1, depth, name="storage")
        write_port, read_port = (
            memory.get_port(write_capable=True),
            memory.get_port(has_re=True, mode=READ_FIRST) if block_ram else memory.get_port(async_read=True),
        )
        self.specials += memory, write_port, read_port
        produce = Signal(max=depth)
        consume = Signal(max=depth)
        push = Signal()
        pop = Signal()
        pushed = Signal()
        popped = Signal()
        count = Signal(max=depth + 1)  # words in the memory one clock ago
        # The memory holds at least one word now, and at least two. Both flags exist so that pop, which
        # settles late in a clock, passes through little logic.
        not_empty = Signal()
        at_least_two = Signal()
        word = Signal(width + 1, reset_less=True)
        advance = Signal()  # the word at the source leaves, or there is none
        self.comb += [
            push.eq(sink.valid & sink.ready),
            advance.eq(~source.valid | source.ready),
            write_port.adr.eq(produce),
            write_port.dat_w[:width].eq(sink.data),
            write_port.dat_w[width].eq(sink.last),
            write_port.we.eq(push),
            at_least_two.eq(
                (count[2:] != 0) | Mux(count[1], count[0] | pushed | ~popped, count[0] & pushed & ~popped)
            ),
            read_port.adr.eq(consume),
            source.data.eq(word[:width]),
            source.last.eq(word[width]),
        ]
        if block_ram:  # the output latch of the block RAM is one more register before the source
            latched = Signal()
            self.comb += [pop.eq(not_empty & (~latched | advance)), read_port.re.eq(~latched | advance)]
            self.sync += [
                latched.eq(pop | (latched & ~advance)),
                source.valid.eq((latched & advance) | (source.valid & ~source.ready)),
                If(latched & advance, word.eq(read_port.dat_r)),
            ]
        else:
            self.comb += pop.eq(not_empty & advance)
            self.sync += [
                source.valid.eq(pop | (source.valid & ~source.ready)),
                If(pop, word.eq(read_port.dat_r)),
            ]
        self.sync += [
            If(push, produce.eq(produce + 1)),
            If(pop, consume.eq(consume + 1)),
            pushed.eq(push),
            popped.eq(pop),
            If(pushed & ~popped, count.eq(count + 1)),
            If(popped & ~pushed, count.eq(count - 1)),
            not_empty.eq(push | at_least_two | (not_empty & ~pop)),
            # The count is two clocks late, hence the margin.
            sink.ready.eq(count < depth - 3),
        ]
