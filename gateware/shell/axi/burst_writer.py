"""Write a stream to consecutive memory in bursts of 16 beats."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import FSM, If, Mux, NextState, NextValue, ResetInserter, Signal

from gateware.cores.fifo import Fifo
from gateware.shell.axi.axi3 import (
    RESP_ERROR_BIT,
    constant_address_fields,
    last_burst_length,
)
from lst_overlay.registers import ALIGNMENT, BURST_BEATS

_MAX_UNANSWERED = 8


class BurstWriter(LiteXModule):
    """Write ``beats`` (at least 1) beats of 8 bytes to ``address``, a multiple of 128.

    One command runs at a time.

    sink:   data (64 bits). The first beat of a command comes at least four clocks after its start. The
            address of a burst is sent when all its beats are in the FIFO.
    start:  high for one clock, while idle. ``address`` and ``beats`` are sampled in this clock.
    abort:  held until idle. No further address is sent; beats of a burst under way are sent with strobes 0,
            and every response is awaited.
    idle:   all beats are written and all responses have arrived.
    failed: a response was an error; ``error_address`` is the start of its burst. Cleared by start and abort.
    """

    def __init__(self, port, fifo_beats: int = 32, beats_width: int = 23):
        self.sink = stream.Endpoint([("data", 64)])
        self.start = Signal()
        self.abort = Signal()
        self.idle = Signal()
        self.failed = Signal()
        self.address = Signal(32)
        self.beats = Signal(beats_width)
        self.error_address = Signal(32, reset_less=True)

        # # #

        aw, w, b = port.aw, port.w, port.b
        self.fifo = fifo = ResetInserter()(Fifo(64, fifo_beats))
        out = stream.Endpoint([("data", 64), ("strb", 8)])
        self.comb += [
            fifo.reset.eq(self.abort),
            self.sink.connect(fifo.sink),
            w.id.eq(0),
            *constant_address_fields(aw),
        ]
        self._add_port_register(out, w)
        stream.set_reset_less(aw.payload)

        address = Signal(32, reset_less=True)
        bursts_left = Signal(beats_width - 3, reset_less=True)
        last_length = Signal(5, reset_less=True)
        length = Signal(5)  # 1 .. 16
        more = Signal()
        is_last = Signal()
        enough = Signal()
        stored = Signal(max=fifo_beats + 2)  # Beats in the FIFO whose address was not sent yet.
        unanswered = Signal(max=_MAX_UNANSWERED + 1)
        beat = Signal(4)
        ask = Signal()
        asked = Signal()
        pushed = Signal()
        answered = Signal()
        self.sync += [
            # These signals are up to four clocks late; COLLECT is entered again after at least four.
            is_last.eq(bursts_left == 1),
            length.eq(Mux(is_last, last_length, BURST_BEATS)),
            enough.eq(more & (stored >= length) & (unanswered != _MAX_UNANSWERED) & ~self.failed),
            pushed.eq(self.sink.valid & self.sink.ready & ~self.abort),
        ]
        self.fsm = fsm = FSM(reset_state="COLLECT")
        fsm.act(
            "COLLECT",
            If(
                enough & ~self.abort,
                ask.eq(1),
                NextValue(aw.valid, 1),
                NextValue(aw.addr, address),
                NextValue(aw.len, length - 1),
                NextValue(beat, length - 1),
                NextState("ADDRESS"),
            ),
        )
        fsm.act("ADDRESS", If(aw.ready, NextValue(aw.valid, 0), NextState("DATA")))
        fsm.act(
            "DATA",
            out.valid.eq(fifo.source.valid | self.abort),
            out.last.eq(beat == 0),
            fifo.source.ready.eq(out.ready),
            If(out.valid & out.ready, NextValue(beat, beat - 1), If(beat == 0, NextState("SETTLE"))),
        )
        fsm.act("SETTLE", NextState("COLLECT"))
        self.comb += [out.data.eq(fifo.source.data), out.strb.eq(Mux(self.abort, 0, 0xFF))]
        self.sync += [
            If(
                ask,
                address.eq(address + ALIGNMENT),
                bursts_left.eq(bursts_left - 1),
                If(is_last, more.eq(0)),
            ),
            If(~ask & pushed, stored.eq(stored + 1)),
            If(ask & ~pushed, stored.eq(stored - BURST_BEATS)),
            If(ask & pushed, stored.eq(stored - (BURST_BEATS - 1))),
            If(ask & is_last, stored.eq(0)),  # The last burst takes all beats in the FIFO.
            If(
                self.start,
                address.eq(self.address),
                more.eq(1),
                bursts_left.eq((self.beats + BURST_BEATS - 1)[4:]),
                last_length.eq(last_burst_length(self.beats)),
            ),
            If(self.abort, more.eq(0), enough.eq(0), stored.eq(0)),
            asked.eq(ask),
            If(asked & ~answered, unanswered.eq(unanswered + 1)),
            If(answered & ~asked, unanswered.eq(unanswered - 1)),
            self.idle.eq(~self.start & ~more & ~asked & (unanswered == 0)),
        ]

        bad = Signal()
        answer_address = Signal(32, reset_less=True)
        self.comb += b.ready.eq(1)
        self.sync += [
            answered.eq(b.valid),
            bad.eq(b.valid & b.resp[RESP_ERROR_BIT]),
            If(answered, answer_address.eq(answer_address + ALIGNMENT)),
            If(bad & ~self.failed, self.failed.eq(1), self.error_address.eq(answer_address)),
            If(self.start, answer_address.eq(self.address)),
            If(self.start | self.abort, self.failed.eq(0)),
        ]

    def _add_port_register(self, sink, w):
        """A register at the pins of w, and one before it for a beat that comes when w does not take one.

        So w.ready is a condition of registers only, and never of a beat that the FIFO gives.
        """
        kept = stream.Endpoint([("data", 64), ("strb", 8)], reset_less=True)
        has_kept = Signal()
        moves = Signal()  # The register at the pins is empty or will be.
        stream.set_reset_less(w.payload)
        self.comb += [sink.ready.eq(~has_kept), moves.eq(~w.valid | w.ready)]
        self.sync += [
            If(~has_kept, kept.data.eq(sink.data), kept.strb.eq(sink.strb), kept.last.eq(sink.last)),
            has_kept.eq((has_kept | sink.valid) & ~moves),
            If(
                moves,
                w.valid.eq(has_kept | sink.valid),
                w.last.eq(Mux(has_kept, kept.last, sink.last)),
                w.data.eq(Mux(has_kept, kept.data, sink.data)),
                w.strb.eq(Mux(has_kept, kept.strb, sink.strb)),
            ),
        ]
