"""A buffer of whole images whose words come from two sides, in one memory."""

from __future__ import annotations

from types import SimpleNamespace

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Mux, Signal

from gateware.cores.delay import delayed
from gateware.cores.image_buffer import ImageBuffer
from lst_overlay.memory.images import GROUP


class SharedImageBuffer(LiteXModule):
    """Collect the words of images from two inlets; each has room for GROUP images.

    Groups of GROUP images leave, alternately from the first inlet and from the second. The inlets may write
    in alternate clocks.

    words, filling, source, has_image, admit: as those of `ImageBuffer`.
    inlets: a list of two, each with ``sink``, data (width bits), and ``room``: a word may enter now.
    start:  input, high for one clock while the buffer is empty: the next image leaves from the first inlet.
    """

    latency = ImageBuffer.latency

    def __init__(self, width: int, words: int, filling: int = 0):
        self.inlets = inlets = [
            SimpleNamespace(sink=stream.Endpoint([("data", width)]), room=Signal(name=f"room{place}"))
            for place in range(2)
        ]
        self.source = source = stream.Endpoint([("data", width)])
        self.start = Signal()
        self.has_image = Signal()
        self.admit = Signal()
        stream.set_reset_less(source.payload)

        # # #

        # An address is made of the number of the word, that of the image in its group, and the inlet.
        word_bits, image_bits = ((count - 1).bit_length() for count in (words, GROUP))
        memory = Memory(width, 1 << word_bits + image_bits + 1, name="words")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        second = Signal()  # the second inlet may write in this clock
        leaving = Signal(image_bits + 1)  # the number and the inlet of the image that leaves next
        admitted = Signal()
        addresses = []
        stored = [Signal(max=GROUP + 1, name=f"stored{place}") for place in range(2)]  # complete images
        for place, inlet in enumerate(inlets):
            word, image = Signal(word_bits, name=f"word{place}"), Signal(image_bits, name=f"image{place}")
            is_last = Signal(name=f"is_last{place}")  # the next word to arrive is the last of an image
            complete, leaves = inlet.sink.valid & is_last, admitted & (leaving[-1] == place)
            addresses.append(Cat(word, image, place))
            self.comb += [
                inlet.sink.ready.eq(1),
                inlet.room.eq((second == place) & (stored[place] != GROUP)),
            ]
            self.sync += [
                If(
                    inlet.sink.valid,
                    word.eq(word + 1),
                    is_last.eq(word == words - 2),
                    If(is_last, word.eq(0), image.eq(image + 1)),
                ),
                If(self.start, image.eq(0)),
                If(complete & ~leaves, stored[place].eq(stored[place] + 1)),
                If(leaves & ~complete, stored[place].eq(stored[place] - 1)),
            ]
        first_sink, second_sink = (inlet.sink for inlet in inlets)
        self.sync += [
            second.eq(~second),
            write_port.we.eq(first_sink.valid | second_sink.valid),
            write_port.adr.eq(Mux(second, addresses[1], addresses[0])),
            write_port.dat_w.eq(Mux(second, second_sink.data, first_sink.data)),
        ]

        # The place of an image is free when it is admitted: its words leave faster than new ones arrive.
        word = Signal(word_bits)
        reads = Signal(image_bits + 1)
        words_left = Signal(max=words + filling)
        ends = Signal()
        reading = Signal()
        self.sync += [
            admitted.eq(self.admit),
            ends.eq(words_left == 1),
            If(reading, word.eq(word + 1), words_left.eq(words_left - 1), If(ends, reading.eq(0))),
            If(
                self.admit,
                reading.eq(1),
                reads.eq(leaving),
                word.eq(0),
                words_left.eq(words + filling - 1),
            ),
            If(admitted, leaving.eq(leaving + 1)),
            If(self.start, leaving.eq(0)),
            # This is up to date three clocks after an admission.
            self.has_image.eq(Mux(leaving[-1], stored[1] != 0, stored[0] != 0)),
            source.data.eq(read_port.dat_r),  # the block RAM's output register
        ]
        self.comb += [
            read_port.adr.eq(Cat(word, reads)),
            source.valid.eq(delayed(self, reading, self.latency - 1, reset_less=False)),
        ]
