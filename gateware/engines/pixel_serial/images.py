"""Admit images and pass them on between the arrays."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Mux, Signal

from gateware.engines.pixel_serial.pixel_memory import PixelMemory
from gateware.engines.pixel_serial.sequencer import Sequencer


class Images(LiteXModule):
    """Admit images 0 and 1 alternately, and pass them on between the arrays.

    enable: a network is loaded.
    has_credit: the results of one more image have room; up to date two clocks after an admission.
    started: high for one clock when an image is admitted.
    starved, blocked: as `Engine` says.
    """

    def __init__(self, pixels: PixelMemory, rows: Sequencer, columns: Sequencer):
        self.enable = Signal()
        self.has_credit = Signal()
        self.started = Signal()
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        free = Signal(2, reset=3)
        following = Signal()  # the image that is admitted next
        is_free = Signal()
        has_row = Signal()
        settling = Signal(3)  # ``has_credit`` follows an admission by two clocks.
        admits = Signal()
        chosen = Mux(following, 0b10, 0b01)
        self.comb += [
            admits.eq(is_free & has_row & self.has_credit & self.enable & (settling == 0)),
            self.started.eq(admits),
            rows.enable.eq(self.enable),
            columns.enable.eq(self.enable),
            rows.arrives.eq(columns.leaves | Mux(admits, chosen, 0)),
            columns.arrives.eq(rows.leaves | rows.finishes),
            pixels.release.eq(rows.release),
        ]
        self.sync += [
            is_free.eq(Mux(following, free[1], free[0]) & ~admits),
            has_row.eq(
                (
                    Mux(following, pixels.full[1], pixels.full[0])
                    | ((pixels.slot == following) & (pixels.rows != 0))
                )
                & ~admits
            ),
            settling.eq(Mux(admits, 0b111, settling[1:])),
            If(admits, following.eq(~following)),
            free.eq((free & ~Mux(admits, chosen, 0)) | columns.finishes),
            self.starved.eq((is_free & self.has_credit & ~has_row & rows.idle) | rows.waits),
            self.blocked.eq(is_free & ~self.has_credit & rows.idle),
        ]
