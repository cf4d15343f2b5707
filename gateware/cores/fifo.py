"""A FIFO in LUT RAM or block RAM whose flags are registers: neither side's handshake reaches the other within a clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, If, Memory, Mux, Signal


class Fifo(LiteXModule):
    """sink, source: ``data`` (width bits) with last. ``depth``: a power of two from 8; at least depth - 3 words fit.

    block_ram: the memory is one; a word then takes a clock longer from sink to source.
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
        count = Signal(max=depth + 1)  # of words in the memory a clock ago
        # At least one word is in the memory now, at least two: so that pop, which is known late in a clock, meets little logic.
        some = Signal()
        several = Signal()
        word = Signal(width + 1, reset_less=True)
        advance = Signal()  # the word at the source is taken, or there is none
        self.comb += [
            push.eq(sink.valid & sink.ready),
            advance.eq(~source.valid | source.ready),
            write_port.adr.eq(produce),
            write_port.dat_w[:width].eq(sink.data),
            write_port.dat_w[width].eq(sink.last),
            write_port.we.eq(push),
            several.eq(
                (count[2:] != 0) | Mux(count[1], count[0] | pushed | ~popped, count[0] & pushed & ~popped)
            ),
            read_port.adr.eq(consume),
            source.data.eq(word[:width]),
            source.last.eq(word[width]),
        ]
        if block_ram:  # a register before the source: the memory's latch
            latched = Signal()
            self.comb += [pop.eq(some & (~latched | advance)), read_port.re.eq(~latched | advance)]
            self.sync += [
                latched.eq(pop | (latched & ~advance)),
                source.valid.eq((latched & advance) | (source.valid & ~source.ready)),
                If(latched & advance, word.eq(read_port.dat_r)),
            ]
        else:
            self.comb += pop.eq(some & advance)
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
            some.eq(push | several | (some & ~pop)),
            # Known two clocks late, hence the margin.
            sink.ready.eq(count < depth - 3),
        ]
