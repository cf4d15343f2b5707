"""Writes a stream to a stretch of memory in bursts of 16 beats."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import FSM, If, Mux, NextState, NextValue, ResetInserter, Signal

from gateware.axi.axi3 import BURST_BEATS, BURST_BYTES, RESP_ERROR_BIT, constant_address_fields

_MAX_WAITING = 8


class BurstWriter(LiteXModule):
    """One command at a time: ``beats`` beats of 8 bytes to ``address`` (a multiple of 128).

    sink:   data (64 bits). A burst's address goes out when all its beats are in the FIFO.
    start:  one clock, while idle; address and beats are taken then.
    abort:  held until idle: no new address; beats still owed go out with strobes 0; every response is awaited.
    idle:   all beats are written and all responses are here.
    failed: a response was an error; error_address is the start of its burst. Cleared by start.
    """

    def __init__(self, port, fifo_beats: int = 32, beats_width: int = 23):
        self.sink = stream.Endpoint([("data", 64)])
        self.start, self.abort, self.idle, self.failed = Signal(), Signal(), Signal(), Signal()
        self.address, self.beats = Signal(32), Signal(beats_width)
        self.error_address = Signal(32)

        # # #

        aw, w, b = port.aw, port.w, port.b
        self.fifo = fifo = ResetInserter()(stream.SyncFIFO([("data", 64)], fifo_beats, buffered=True))
        # Cuts the path from w.ready to the FIFO: both directions of the handshake are registered.
        self.out = out = stream.Buffer([("data", 64), ("strb", 8)], pipe_valid=True, pipe_ready=True)
        self.comb += [fifo.reset.eq(self.abort), self.sink.connect(fifo.sink), out.source.connect(w, omit={"id"}), w.id.eq(0),
                      *constant_address_fields(aw)]

        full_bursts, tail, address = Signal(beats_width - 4), Signal(4), Signal(32)
        stored, waiting = Signal(max=fifo_beats + 1), Signal(max=_MAX_WAITING + 1)
        more, length, enough, ask, beat, pushed, answered = (Signal(), Signal(5), Signal(), Signal(), Signal(4), Signal(), Signal())
        self.comb += [
            more.eq((full_bursts != 0) | (tail != 0)),
            length.eq(Mux(full_bursts != 0, BURST_BEATS, tail)),
            enough.eq(stored >= length),
            pushed.eq(self.sink.valid & self.sink.ready),
        ]
        self.fsm = fsm = FSM(reset_state="COLLECT")
        fsm.act("COLLECT",
            If(more & enough & (waiting != _MAX_WAITING) & ~self.abort & ~self.failed,
                ask.eq(1),
                NextValue(aw.valid, 1), NextValue(aw.addr, address), NextValue(aw.len, length - 1), NextValue(beat, length - 1),
                NextState("ADDRESS")))
        fsm.act("ADDRESS",
            If(aw.ready, NextValue(aw.valid, 0), NextState("DATA")))
        fsm.act("DATA",
            out.sink.valid.eq(fifo.source.valid | self.abort),
            out.sink.last.eq(beat == 0),
            fifo.source.ready.eq(out.sink.ready),
            If(out.sink.valid & out.sink.ready,
                NextValue(beat, beat - 1),
                If(beat == 0, NextState("COLLECT"))))
        self.comb += [out.sink.data.eq(fifo.source.data), out.sink.strb.eq(Mux(self.abort, 0, 0xFF))]
        self.sync += [
            If(ask,
                address.eq(address + BURST_BYTES),
                If(full_bursts != 0, full_bursts.eq(full_bursts - 1)).Else(tail.eq(0))),
            If(self.start, address.eq(self.address), full_bursts.eq(self.beats[4:]), tail.eq(self.beats[:4])),
            stored.eq(stored + pushed - Mux(ask, length, 0)),
            If(self.abort, full_bursts.eq(0), tail.eq(0), stored.eq(0)),
            waiting.eq(waiting + ask - answered),
            self.idle.eq(~self.start & ~more & (waiting == 0)),
        ]

        bad, answer_address = Signal(), Signal(32)
        self.comb += b.ready.eq(1)
        self.sync += [
            answered.eq(b.valid), bad.eq(b.valid & b.resp[RESP_ERROR_BIT]),
            If(answered, answer_address.eq(answer_address + BURST_BYTES)),
            If(bad & ~self.failed, self.failed.eq(1), self.error_address.eq(answer_address)),
            If(self.start, answer_address.eq(self.address), self.failed.eq(0)),
        ]
