"""Read consecutive memory in bursts of 16 beats into a FIFO."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, ResetInserter, Signal

from gateware.cores.delay import delayed
from gateware.cores.fifo import Fifo
from gateware.shell.axi.axi3 import (
    RESP_ERROR_BIT,
    constant_address_fields,
    last_burst_length,
)
from lst_overlay.registers import ALIGNMENT, BURST_BEATS


class BurstReader(LiteXModule):
    """Read ``beats`` (at least 1) beats of 8 bytes from ``address``, a multiple of 128.

    One command runs at a time.

    fifo_beats:    the depth of the FIFO; one of more than 64 beats is block RAM.
    stripe_bursts: after every ``stripe_bursts`` bursts that are read, ``skip_bursts`` are skipped.

    source: data (64 bits). A burst is requested only if it fits the FIFO, so r.ready is always high.
    start:  high for one clock, while idle and after all earlier data was accepted or aborted. ``address`` and
            ``beats`` are sampled in this clock.
    abort:  held until idle. No further burst is requested, and beats that still arrive are dropped.
    idle:   all bursts are requested and all their beats have arrived.
    failed: a response was an error; ``error_address`` is the start of its burst. Cleared by start and abort.
    """

    def __init__(
        self, port, fifo_beats: int = 64, stripe_bursts: int = 1, skip_bursts: int = 0, beats_width: int = 27
    ):
        self.source = stream.Endpoint([("data", 64)])
        self.start = Signal()
        self.abort = Signal()
        self.idle = Signal()
        self.failed = Signal()
        self.address = Signal(32)
        self.beats = Signal(beats_width)
        self.error_address = Signal(32, reset_less=True)

        # # #

        ar, r = port.ar, port.r
        ask = Signal()
        answered = Signal()
        address = self._running_address(ask, stripe_bursts, skip_bursts)
        bursts_left = Signal(beats_width - 3, reset_less=True)
        last_length = Signal(5, reset_less=True)  # 1 .. 16
        more = Signal()
        is_last = Signal()
        room = Signal(max=fifo_beats + 1)
        has_room = Signal()
        unanswered = Signal(max=fifo_beats // BURST_BEATS + 1)
        popped = Signal()

        stream.set_reset_less(ar.payload)
        self.comb += [
            *constant_address_fields(ar),
            ask.eq(more & has_room & ~ar.valid & ~self.abort & ~self.failed),
        ]
        self.sync += [
            # One clock late, which does no harm: ar.valid prevents two requests in consecutive clocks.
            is_last.eq(bursts_left == 1),
            has_room.eq(room >= BURST_BEATS),
            If(ar.ready, ar.valid.eq(0)),
            If(
                ask,
                ar.valid.eq(1),
                ar.addr.eq(address),
                ar.len.eq(Mux(is_last, last_length - 1, BURST_BEATS - 1)),
                bursts_left.eq(bursts_left - 1),
                If(is_last, more.eq(0)),
            ),
            If(ask & ~popped, room.eq(room - BURST_BEATS)),
            If(ask & popped, room.eq(room - (BURST_BEATS - 1))),
            If(~ask & popped, room.eq(room + 1)),
            If(
                self.start,
                more.eq(1),
                room.eq(fifo_beats - 3),  # The FIFO accepts at least this number of beats.
                has_room.eq(0),  # No burst is requested before is_last is valid for this command.
                bursts_left.eq((self.beats + BURST_BEATS - 1)[4:]),
                last_length.eq(last_burst_length(self.beats)),
            ),
            If(self.abort, more.eq(0)),
            If(ask & ~answered, unanswered.eq(unanswered + 1)),
            If(answered & ~ask, unanswered.eq(unanswered - 1)),
            self.idle.eq(~self.start & ~more & ~ar.valid & (unanswered == 0)),
        ]

        # Read data is registered at the port.
        valid = Signal()
        last = Signal()
        bad = Signal()  # The response of the beat in ``data`` is an error.
        data = Signal(64, reset_less=True)
        answer_address = self._running_address(answered, stripe_bursts, skip_bursts)
        self.comb += [r.ready.eq(1), answered.eq(valid & last)]
        self.sync += [
            valid.eq(r.valid),
            last.eq(r.last),
            data.eq(r.data),
            bad.eq(r.valid & r.resp[RESP_ERROR_BIT]),
            If(bad & ~self.failed, self.failed.eq(1), self.error_address.eq(answer_address)),
            If(self.start | self.abort, self.failed.eq(0)),
        ]
        self.fifo = fifo = ResetInserter()(Fifo(64, fifo_beats, block_ram=fifo_beats > 64))
        self.comb += [
            fifo.reset.eq(self.abort),
            fifo.sink.valid.eq(valid & ~bad),
            fifo.sink.data.eq(data),
            fifo.source.connect(self.source),
            popped.eq(delayed(self, fifo.source.valid & fifo.source.ready, 1, reset_less=False)),
        ]

    def _running_address(self, moves, stripe_bursts: int, skip_bursts: int) -> Signal:
        """The start address of the next burst. ``moves`` advances it, never in two consecutive clocks."""
        address = Signal(32, reset_less=True)
        step = Signal(max=(skip_bursts + 1) * ALIGNMENT + 1)
        self.comb += step.eq(ALIGNMENT)
        self.sync += [
            If(moves, address.eq(address + step)),
            If(self.start, address.eq(self.address)),
        ]
        if skip_bursts:
            number = Signal(max=stripe_bursts + 1)
            last = Signal()
            self.comb += If(last, step.eq((skip_bursts + 1) * ALIGNMENT))
            self.sync += [
                last.eq(number == stripe_bursts - 1),
                If(moves, number.eq(number + 1), If(last, number.eq(0))),
                If(self.start, number.eq(0)),
            ]
        return address
