"""The mean over the tokens, and the classifier, one product per clock while the next image arrives.

y --> + --> sums of two images --> shift, round, clip --> x weight --> + --> shift --> + bias --> argmax
      ^           (LUT RAM)                               (no DSP)     +-- of all channels
      +----------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, Cat, If, Memory, Mux, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.constants import BLOCK_LATENCY, LUT_LATENCY, block_constant, lut_constant
from gateware.cores.cycle import cycle, index
from gateware.cores.delay import delayed
from gateware.cores.product import product_by_additions
from gateware.cores.requantiser import Clip
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.folding import Fold, index_bits
from gateware.engines.resmlp_streaming.stages import Stage
from lst_overlay.network.resmlp import ResMLPNetwork

_BIAS_BITS = 26
# Clocks from the last product of an image until the next image may begin, at most.
HEAD_LATENCY = 24


class Head(LiteXModule):
    """Average and classify the values of an image, which come token by token or in tiles of them.

    stage, fold: before the head.
    sink:   y, output (the channel), vector (the token), image_ends. A channel comes every
            fourth clock at most.
    room:   a `Stock` of images: taken when the first values are under way, put when the class has left.
    source: word (32 bits): the logits, then the class with last; no back-pressure.
    mean:   (flag, value), for tests.
    """

    def __init__(self, network: ResMLPNetwork, stage: Stage, fold: Fold):
        mean, classifier = network.layers[-2:]
        bits = stage.output_bits
        tokens, channels = network.input_shape[0], classifier.weights_q.shape[1]
        classes = network.classes
        column_bits, tile_bits = index_bits(channels, fold.outputs)
        self.sink = sink = stream.Endpoint(
            [("y", (bits, True)), ("output", column_bits + tile_bits)]
            + [("vector", max(1, sum(index_bits(tokens, fold.vectors)))), ("image_ends", 1)]
        )
        self.room = room = Stock(2, filled=True)
        self.classify = classify = Argmax(LOGIT_WIDTH, classes)
        self.source = classify.source

        # # #

        images = self.images = Stock(2, filled=False)
        arriving, leaving = Signal(), Signal()  # which of the two images
        running, next_tile, next_class, image_ends = Signal(), Signal(), Signal(), Signal()
        column, column_ends = cycle(self, fold.outputs, running, "column")
        tile, tile_ends = cycle(self, channels // fold.outputs, next_tile, "tile")
        class_, class_ends = cycle(self, classes, next_class, "class")
        channel = index((column, column_bits), (tile, tile_bits))
        begins, of_first = Signal(reset=1), Signal(reset=1)  # the first channel, and class
        total = self._sums(sink, Cat(sink.output, arriving), Cat(channel, leaving), bits, tokens)
        shifted = Signal((len(total), True), reset_less=True)
        half_up = Signal((len(total) + 1, True), reset_less=True)
        self.sync += [shifted.eq(total >> mean.shift - 1), half_up.eq(shifted + 1)]
        self.clip = Clip(half_up[1:], mean.bits)
        at_mean = 1 + 2 + Clip.latency
        self.mean = (
            delayed(self, running & of_first, at_mean, name="mean", reset_less=False),
            self.clip.y,
        )

        # A word of weights for each class and channel, in the order in which they are needed.
        address = Signal(max=classes * channels, reset_less=True)
        words = (classifier.weights_q.ravel() & (1 << classifier.weight_bits) - 1).tolist()
        word = block_constant(self, "weights", address, words, classifier.weight_bits)
        weight = Signal((classifier.weight_bits, True))
        self.comb += weight.eq(delayed(self, word, at_mean - BLOCK_LATENCY, name="weight"))
        product = product_by_additions(self, self.clip.y, weight)
        late = at_mean + classifier.weight_bits
        anew = delayed(self, begins, late, name="begins")
        ends = delayed(self, next_class, late + 1, name="ends", reset_less=False)
        acc_bits = len(product) + (channels - 1).bit_length()
        acc = Signal((acc_bits, True), reset_less=True)
        self.sync += acc.eq(Mux(anew, 0, acc) + product)
        self._logits(classifier, acc, ends, classes)

        pending = Signal()  # an image is being classified
        self.comb += [
            next_tile.eq(running & column_ends),
            next_class.eq(next_tile & tile_ends),
            image_ends.eq(next_class & class_ends),
            images.put.eq(delayed(self, sink.valid & sink.image_ends, 3, name="image", reset_less=False)),
            images.take.eq(images.available & ~pending),
            room.put.eq(delayed(self, image_ends, late, name="room", reset_less=False)),
        ]
        self.sync += [
            If(sink.valid & sink.image_ends, arriving.eq(~arriving)),
            If(room.put, pending.eq(0)),
            If(images.take, pending.eq(1)),
            If(running, begins.eq(next_class)),
            address.eq(Mux(running, address + 1, 0)),
            If(next_class, of_first.eq(class_ends)),
            running.eq(images.take | (running & ~image_ends)),
            If(image_ends, leaving.eq(~leaving)),
        ]

    def _sums(self, sink, write_place, read_place, bits: int, tokens: int) -> Signal:
        """Add the memory of the sums. Returns that of ``read_place``, 1 clock later."""
        width = bits + (tokens - 1).bit_length()
        memory = Memory(width, 1 << len(write_place), name="sums")
        write_port, before_port = memory.get_port(write_capable=True), memory.get_port(async_read=True)
        read_port = memory.get_port(async_read=True)
        self.specials += memory, write_port, before_port, read_port
        before = Signal((width, True), reset_less=True)
        after, total = Signal((width, True), reset_less=True), Signal((width, True), reset_less=True)
        self.comb += [
            before_port.adr.eq(write_place),
            write_port.adr.eq(delayed(self, write_place, 2, name="place")),
            write_port.dat_w.eq(after),
            write_port.we.eq(delayed(self, sink.valid, 2, name="writes", reset_less=False)),
            read_port.adr.eq(read_place),
        ]
        y = delayed(self, sink.y, 1, name="y")
        self.sync += [
            before.eq(before_port.dat_r),
            If(sink.vector == 0, before.eq(0)),
            after.eq(before + y),
            total.eq(read_port.dat_r),
        ]
        return total

    def _logits(self, classifier, acc: Signal, ends: Signal, classes: int) -> None:
        """Shift the sum that ends, add the bias of its class, and pass it on."""
        number = Signal(max=max(classes, 2))
        self.sync += If(ends, number.eq(Mux(number == classes - 1, 0, number + 1)))
        kinds = sorted(set(classifier.shift.tolist()))
        bias = Signal((_BIAS_BITS, True))
        self.comb += bias.eq(
            delayed(
                self, lut_constant(self, "bias", number, classifier.bias_q.tolist(), _BIAS_BITS), 1, "late"
            )
        )
        kind = lut_constant(
            self, "kind", number, [kinds.index(shift) for shift in classifier.shift.tolist()], 5
        )
        value = delayed(self, acc, LUT_LATENCY, name="value")
        rounded = Signal((LOGIT_WIDTH, True), reset_less=True)
        cases = {
            place: rounded.eq(value if shift == 0 else (value + (1 << shift - 1)) >> shift)
            for place, shift in enumerate(kinds)
        }
        cases["default"] = cases.pop(len(kinds) - 1)
        self.sync += [Case(kind, cases), self.classify.sink.acc.eq(rounded + bias)]
        self.comb += self.classify.sink.valid.eq(
            delayed(self, ends, LUT_LATENCY + 2, name="logit", reset_less=False)
        )
