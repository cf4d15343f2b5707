"""Split bus beats into smaller words, lowest bits first."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal


class Unpacker(LiteXModule):
    """Split beats into words, one word per clock.

    One further beat is buffered, so that no clock is lost between beats.

    sink:   data (beat_width bits).
    source: word (word_width bits).
    """

    def __init__(self, beat_width: int, word_width: int):
        if beat_width % word_width:
            raise ValueError(f"beat_width must be a multiple of word_width, not {beat_width} of {word_width}")
        self.sink = sink = stream.Endpoint([("data", beat_width)])
        self.source = source = stream.Endpoint([("word", word_width)])

        # # #

        words = beat_width // word_width
        next_beat = Signal(beat_width, reset_less=True)
        has_next_beat = Signal()
        beat = Signal(beat_width, reset_less=True)
        words_left = Signal(max=words)
        at_last = Signal()
        taken = Signal()
        refill = Signal()
        self.comb += [
            sink.ready.eq(~has_next_beat),
            taken.eq(source.valid & source.ready),
            refill.eq(has_next_beat & (~source.valid | (taken & at_last))),
            source.word.eq(beat[:word_width]),
        ]
        self.sync += [
            If(sink.valid & ~has_next_beat, next_beat.eq(sink.data), has_next_beat.eq(1)),
            If(
                taken,
                beat.eq(beat[word_width:]),
                words_left.eq(words_left - 1),
                at_last.eq(words_left == 1),
                If(at_last, source.valid.eq(0)),
            ),
            If(
                refill,
                beat.eq(next_beat),
                words_left.eq(words - 1),
                at_last.eq(0),
                source.valid.eq(1),
                has_next_beat.eq(0),
            ),
        ]
