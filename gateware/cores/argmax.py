"""The index of the largest of the logits that arrive one after another."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal

LOGIT_WIDTH = 32


class Argmax(LiteXModule):
    """Pass the logits of an image on and append its class: the lowest index among the largest logits.

    No back-pressure: ``ready`` is ignored on both sides.

    sink:   acc (logit_width bits, signed), ``classes`` words an image. At least one clock without data must
            follow the last logit of an image: the class leaves in it.
    source: word (logit_width bits): the logits, then the class with last.
    """

    def __init__(self, logit_width: int, classes: int):
        self.sink = sink = stream.Endpoint([("acc", (logit_width, True))])
        self.source = source = stream.Endpoint([("word", logit_width)])

        # # #

        self.comb += sink.ready.eq(1)
        largest = Signal((logit_width, True), reset_less=True)
        index = Signal(max=classes)
        class_ = Signal(max=classes)
        last = Signal()
        ended = Signal()
        self.comb += last.eq(index == classes - 1)
        self.sync += [
            If(
                sink.valid,
                index.eq(index + 1),
                If((index == 0) | (sink.acc > largest), largest.eq(sink.acc), class_.eq(index)),
                If(last, index.eq(0)),
            ),
            ended.eq(sink.valid & last),
            source.valid.eq(sink.valid | ended),
            source.last.eq(ended),
            source.word.eq(sink.acc),
            If(ended, source.word.eq(class_)),
        ]
