"""The index of the largest of the logits that arrive one after another."""

from __future__ import annotations

from typing import Optional

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

LOGIT_WIDTH = 32


class Argmax(LiteXModule):
    """Pass the logits of an image on and append its class: the lowest index among the largest logits.

    A logit is compared with two: with the logit before it, and with the largest of those before that one.
    Which result counts is decided by the comparison of the clock before. So no comparison has to wait for
    another.

    No back-pressure: ``ready`` is ignored on both sides.

    sink:   acc (logit_width bits, signed), ``classes`` words an image. At least one clock without data must
            follow the last logit of an image: the class leaves in it.
    last_class: the number of logits - 1, constant while an image is here; ``classes`` is then the greatest.
    source: word (logit_width bits): the logits, then the class with last.
    """

    def __init__(self, logit_width: int, classes: int, last_class: Optional[Signal] = None):
        self.sink = sink = stream.Endpoint([("acc", (logit_width, True))])
        self.source = source = stream.Endpoint([("word", logit_width)])
        stream.set_reset_less(source.payload)

        # # #

        before = Signal((logit_width, True), reset_less=True)
        largest = Signal((logit_width, True), reset_less=True)  # of the logits ahead of ``before``
        wins = Signal(reset_less=True)  # ``before`` is above ``largest``, or the first of its image.
        first = Signal(reset=1)
        last = Signal()
        ended = Signal()
        index = Signal(max=classes)
        index_before = Signal(max=classes, reset_less=True)
        class_ = Signal(max=classes, reset_less=True)
        above_before = Signal()
        above_largest = Signal()
        self.comb += [
            sink.ready.eq(1),
            last.eq(index == (classes - 1 if last_class is None else last_class)),
            above_before.eq(sink.acc > before),
            above_largest.eq(sink.acc > largest),
        ]
        self.sync += [
            If(
                sink.valid,
                index.eq(index + 1),
                first.eq(last),
                before.eq(sink.acc),
                index_before.eq(index),
                If(wins, largest.eq(before), class_.eq(index_before)),
                wins.eq(first | Mux(wins, above_before, above_largest)),
                If(last, index.eq(0)),
            ),
            ended.eq(sink.valid & last),
            source.valid.eq(sink.valid | ended),
            source.last.eq(ended),
            source.word.eq(sink.acc),
            If(ended, source.word.eq(Mux(wins, index_before, class_))),
        ]
