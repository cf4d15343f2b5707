"""A buffer of whole images: words arrive when memory delivers them and leave one per clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, If, Memory, Signal

from gateware.cores.delay import delayed

_MARGIN = 8  # words that may still arrive after ``room`` has fallen


class ImageBuffer(LiteXModule):
    """Collect the words of images.

    A word is what enters the pipeline in one clock: a row, two pixels, or one pixel.

    words:  number of words in an image. depth: number of words that fit.
    filling: number of words of any content that leave right behind each image.
    sink:   data (width bits), no back-pressure. Instead the sender observes ``room``: it sends at most eight
            words after room has fallen.
    source: data; all words of an image, and its filling, in consecutive clocks, ``latency`` clocks after
            ``admit``.
    admit:  high for one clock, only while ``has_image`` is high, and at least ``words + filling`` clocks
            after the previous time.
    inlets: a list of the places where words enter, each with ``sink`` and ``room``: the buffer itself.
    """

    latency = 3

    def __init__(self, width: int, words: int, depth: int, filling: int = 0):
        if words < 4:
            raise ValueError(f"an image must have at least 4 words, not {words}")
        if depth & (depth - 1) or depth < words + _MARGIN + 3:
            raise ValueError(
                f"depth must be a power of two and hold an image of {words} words and {_MARGIN + 3} more, "
                f"not {depth}"
            )
        self.sink = sink = stream.Endpoint([("data", width)])
        self.source = source = stream.Endpoint([("data", width)])
        self.room = Signal()
        self.inlets = [self]
        self.has_image = Signal()
        self.admit = Signal()
        stream.set_reset_less(source.payload)

        # # #

        memory = Memory(width, depth, name="words")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        produce = Signal(max=depth)
        consume = Signal(max=depth)
        stored = Signal(max=depth + 1)
        arriving = Signal(max=words)
        is_last = Signal()  # the next word to arrive is the last of an image
        images = Signal(max=depth // words + 1)
        complete = Signal()
        admitted = Signal()
        words_left = Signal(max=words + filling)
        ends = Signal()
        reading = Signal()  # words of an image leave
        leaving = Signal() if filling else reading  # words of an image or its filling leave
        self.comb += [
            sink.ready.eq(1),
            write_port.adr.eq(produce),
            write_port.dat_w.eq(sink.data),
            write_port.we.eq(sink.valid),
            read_port.adr.eq(consume),
        ]
        self.sync += [
            complete.eq(sink.valid & is_last),
            If(
                sink.valid,
                produce.eq(produce + 1),
                is_last.eq(arriving == words - 2),
                If(is_last, arriving.eq(0)).Else(arriving.eq(arriving + 1)),
            ),
            ends.eq(words_left == 1),
            If(
                leaving,
                *[] if filling else [consume.eq(consume + 1)],
                words_left.eq(words_left - 1),
                If(ends, leaving.eq(0)),
            ),
            If(self.admit, leaving.eq(1), words_left.eq(words + filling - 1)),
            *[
                If(reading, consume.eq(consume + 1)),
                If(words_left == filling, reading.eq(0)),
                If(self.admit, reading.eq(1)),
            ]
            * bool(filling),
            If(sink.valid & ~reading, stored.eq(stored + 1)),
            If(reading & ~sink.valid, stored.eq(stored - 1)),
            self.room.eq(stored < depth - _MARGIN - 1),  # one clock late
            admitted.eq(self.admit),
            If(complete & ~admitted, images.eq(images + 1)),
            If(admitted & ~complete, images.eq(images - 1)),
            # This is up to date three clocks after an admission; the next one comes ``words`` clocks later at
            # the earliest.
            self.has_image.eq(images != 0),
            source.data.eq(read_port.dat_r),  # the block RAM's output register
        ]
        self.comb += source.valid.eq(delayed(self, leaving, self.latency - 1, reset_less=False))
