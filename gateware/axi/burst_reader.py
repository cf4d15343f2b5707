"""Reads a stretch of memory in bursts of 16 beats into a FIFO."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, ResetInserter, Signal

from gateware.axi.axi3 import BURST_BEATS, BURST_BYTES, RESP_ERROR_BIT, constant_address_fields
from gateware.delay import delayed


class BurstReader(LiteXModule):
    """One command at a time: ``beats`` beats of 8 bytes from ``address`` (a multiple of 128).

    source: data (64 bits). A burst is asked for only when the FIFO has room for all of it, so r.ready is constant.
    start:  one clock, while idle; address and beats are taken then.
    abort:  held until idle: no new address; beats that still arrive are dropped.
    idle:   nothing is to be asked for and nothing asked for is missing.
    failed: a response was an error; error_address is the start of its burst. Cleared by start.
    """

    def __init__(self, port, fifo_beats: int = 64, beats_width: int = 27):
        self.source = stream.Endpoint([("data", 64)])
        self.start, self.abort, self.idle, self.failed = Signal(), Signal(), Signal(), Signal()
        self.address, self.beats = Signal(32), Signal(beats_width)
        self.error_address = Signal(32)

        # # #

        ar, r = port.ar, port.r
        full_bursts, tail = Signal(beats_width - 4), Signal(4)
        address, room, waiting = Signal(32), Signal(max=fifo_beats + 1, reset=fifo_beats), Signal(max=fifo_beats // BURST_BEATS + 1)
        ask, ask_length, more = Signal(), Signal(5), Signal()
        popped, answered = Signal(), Signal()

        self.comb += [
            *constant_address_fields(ar),
            more.eq((full_bursts != 0) | (tail != 0)),
            ask.eq(more & ~ar.valid & (room >= BURST_BEATS) & ~self.abort & ~self.failed),
            ask_length.eq(Mux(full_bursts != 0, BURST_BEATS, tail)),
        ]
        self.sync += [
            If(ar.ready, ar.valid.eq(0)),
            If(ask,
                ar.valid.eq(1), ar.addr.eq(address), ar.len.eq(ask_length - 1),
                address.eq(address + BURST_BYTES),
                If(full_bursts != 0, full_bursts.eq(full_bursts - 1)).Else(tail.eq(0))),
            If(self.start, address.eq(self.address), full_bursts.eq(self.beats[4:]), tail.eq(self.beats[:4])),
            If(self.abort, full_bursts.eq(0), tail.eq(0)),
            room.eq(room - Mux(ask, ask_length, 0) + popped),
            If(self.abort, room.eq(fifo_beats)),
            waiting.eq(waiting + ask - answered),
            self.idle.eq(~self.start & ~more & ~ar.valid & (waiting == 0)),
        ]

        # Answers, registered as they come from the port.
        valid, last, bad = Signal(), Signal(), Signal()
        data = Signal(64, reset_less=True)
        answer_address = Signal(32)
        self.comb += [r.ready.eq(1), answered.eq(valid & last)]
        self.sync += [
            valid.eq(r.valid), last.eq(r.last), data.eq(r.data), bad.eq(r.valid & r.resp[RESP_ERROR_BIT]),
            If(answered, answer_address.eq(answer_address + BURST_BYTES)),
            If(bad & ~self.failed, self.failed.eq(1), self.error_address.eq(answer_address)),
            If(self.start, answer_address.eq(self.address), self.failed.eq(0)),
        ]
        self.fifo = fifo = ResetInserter()(stream.SyncFIFO([("data", 64)], fifo_beats, buffered=True))
        self.comb += [
            fifo.reset.eq(self.abort),
            fifo.sink.valid.eq(valid & ~bad), fifo.sink.data.eq(data),
            fifo.source.connect(self.source),
            popped.eq(delayed(self, fifo.source.valid & fifo.source.ready, 1, reset_less=False)),
        ]
