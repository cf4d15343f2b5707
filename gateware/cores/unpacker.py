"""Splits bus beats into smaller words, lowest bits first."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal


class Unpacker(LiteXModule):
    """sink: data (beat_width bits), one beat held ahead. source: word (word_width bits), one per clock."""

    def __init__(self, beat_width: int, word_width: int):
        if beat_width % word_width:
            raise ValueError(f"beat_width must be a multiple of word_width, not {beat_width} of {word_width}")
        self.sink = sink = stream.Endpoint([("data", beat_width)])
        self.source = source = stream.Endpoint([("word", word_width)])

        # # #

        words = beat_width // word_width
        following = Signal(beat_width, reset_less=True)
        has_following = Signal()
        beat = Signal(beat_width, reset_less=True)
        left = Signal(max=words)
        at_last = Signal()
        taken = Signal()
        refill = Signal()
        self.comb += [
            sink.ready.eq(~has_following),
            taken.eq(source.valid & source.ready),
            refill.eq(has_following & (~source.valid | (taken & at_last))),
            source.word.eq(beat[:word_width]),
        ]
        self.sync += [
            If(sink.valid & ~has_following, following.eq(sink.data), has_following.eq(1)),
            If(
                taken,
                beat.eq(beat[word_width:]),
                left.eq(left - 1),
                at_last.eq(left == 1),
                If(at_last, source.valid.eq(0)),
            ),
            If(
                refill,
                beat.eq(following),
                left.eq(words - 1),
                at_last.eq(0),
                source.valid.eq(1),
                has_following.eq(0),
            ),
        ]
