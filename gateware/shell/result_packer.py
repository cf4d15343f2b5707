"""Pack results into bus beats in the layout that RESULT_MODE selects (lst_overlay.memory.results)."""

from __future__ import annotations

from typing import Union

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Replicate, Signal

from lst_overlay.registers import IMAGES_WIDTH


class ResultPacker(LiteXModule):
    """Pack the words of each image into beats.

    values: number of words of an image before its class; if it is a signal, constant while an image is here.

    sink:   word (32 bits). In mode 0 an image is its class; in mode 1 its values, then its class. ``last``
            marks the class.
    source: data (64 bits). In mode 0 a beat holds eight classes; the last beat of a batch is padded with
            zeros. In mode 1 a beat holds two words; the image number follows the class, and a record is
            padded with zeros to whole beats.
    start:  high for one clock; image numbers begin at 0 again. ``images`` and ``logits_mode`` then stay
            constant until the batch ends.
    """

    def __init__(self, values: Union[int, Signal]):
        self.sink = sink = stream.Endpoint([("word", 32)])
        self.source = source = stream.Endpoint([("data", 64)])
        stream.set_reset_less(source.payload)
        self.start = Signal()
        self.logits_mode = Signal()
        self.images = Signal(IMAGES_WIDTH)

        # # #

        number = Signal(IMAGES_WIDTH)
        left = Signal(IMAGES_WIDTH)
        place = Signal(8, reset=1)  # The byte of the beat for the next class, one-hot.
        # The next class is the last of the batch; valid two clocks after the class before it was put.
        final = Signal()
        odd = Signal()  # The next word is the high half of its beat.
        full = Signal()  # ``word`` is occupied.
        word = Signal(32, reset_less=True)
        last = Signal(reset_less=True)
        taken = Signal(8, reset_less=True)  # The bytes of the beat that ``word`` and its number are put into.
        cleared = Signal(reset_less=True)  # The other bytes become zero.
        put = Signal()  # ``word`` moves to the beat.
        free = Signal()  # The beat register is empty or will be.
        # If ``values`` is even, the class is the low word of its beat and the image number the high word.
        # Otherwise the class is the high word, and the number is the low word of the next beat.
        shared_beat = Signal()
        # The image number needs a beat of its own; it takes the place of the class in ``word``.
        follows = Signal()
        is_number = Signal()
        beat = Signal(64)
        # The handshake depends on the register ``full`` only, so at most every other clock takes a word.
        self.comb += [
            sink.ready.eq(~full),
            free.eq(~source.valid | source.ready),
            put.eq(full & free),
            shared_beat.eq(~(values & 1)),
            follows.eq(last & self.logits_mode & ~shared_beat),
            beat.eq(
                Mux(self.logits_mode, Cat(word, Mux(last & shared_beat, number, word)), Cat(*[word[:8]] * 8))
            ),
        ]
        self.sync += [
            full.eq(Mux(full, ~put | follows, sink.valid)),
            If(
                ~full,
                word.eq(sink.word),
                last.eq(sink.last),
                # ``odd`` and ``place`` moved with the word before, so they are those of this word.
                If(
                    self.logits_mode,
                    taken.eq(Cat(Replicate(~odd, 4), Replicate(odd | (sink.last & shared_beat), 4))),
                    cleared.eq(0),
                ).Else(taken.eq(Mux(sink.last, place, 0)), cleared.eq(sink.last & place[0])),
            ),
            If(source.ready, source.valid.eq(0)),
            final.eq(left == 1),
            If(
                put,
                odd.eq(self.logits_mode & ~odd & ~last & ~is_number),
                source.valid.eq(Mux(self.logits_mode, odd | last | is_number, last & (place[7] | final))),
                If(last, number.eq(number + 1), left.eq(left - 1), place.eq(Cat(place[7], place[:7]))),
                is_number.eq(follows),
                If(follows, word.eq(number), last.eq(0), taken.eq(0x0F), cleared.eq(1)),
            ),
            *[
                If(
                    put & (taken[i] | cleared),
                    source.data[8 * i : 8 * i + 8].eq(Mux(taken[i], beat[8 * i : 8 * i + 8], 0)),
                )
                for i in range(8)
            ],
        ]
        self.sync += If(self.start, number.eq(0), left.eq(self.images), place.eq(1), odd.eq(0))
