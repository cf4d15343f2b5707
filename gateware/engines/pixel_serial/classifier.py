"""The classifier: ten classes at a time from the codes of the last layer, then the class.

sink.x +-----------+ acc +-------------+ acc  +--------+ source.word
---/-->| LaneArray |--/->| bias        |--/-->| Argmax |-----/------>
  14   | 10 lanes  |  32 | of 40       |  32  +--------+     32
       +-----------+     +-------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Memory, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.lane_array import LaneArray, LaneArrayConfig
from lst_overlay.network.lst.serial_format import (
    CLASS_LANES,
    CLASS_WORDS,
    CLASSES,
    CODE_WIDTH,
    ROUNDS,
    SUM_WIDTH,
)


class Classifier(LiteXModule):
    """Logits and class of one image after another.

    sink:    x (SUM_WIDTH, signed): the codes of an image once for each round of classes, with first and last
             of a round. Rounds end at least CLASS_LANES + 1 clocks apart.
    source:  word (32 bits): the logits, then the class with last; no back-pressure.
    last_class: the number of classes - 1. last_logit: that of classes in all rounds - 1.
    weights: lane, address, data: for the memory of a lane. bias: address, data.
    """

    def __init__(self):
        self.array = array = LaneArray(
            LaneArrayConfig(CLASS_LANES, CLASS_WORDS, SUM_WIDTH, CODE_WIDTH, LOGIT_WIDTH, block_ram=True)
        )
        self.sink = sink = stream.Endpoint([("x", (SUM_WIDTH, True))])
        self.weights = array.load
        self.bias = load = stream.Endpoint([("address", 6), ("data", LOGIT_WIDTH)])
        self.last_class = Signal(max=CLASSES)
        self.last_logit = Signal(6)
        self.classify = classify = Argmax(LOGIT_WIDTH, CLASSES, self.last_class)
        self.source = classify.source

        # # #

        address = Signal(array.sink.address.nbits)
        rounds = Signal(6, reset=CLASS_LANES - 1)  # the number of the last class of this round
        ends = Signal()
        self.comb += [
            sink.ready.eq(1),
            load.ready.eq(1),
            array.sink.valid.eq(sink.valid),
            array.sink.first.eq(sink.first),
            array.sink.last.eq(sink.last),
            array.sink.x.eq(sink.x),
            array.sink.address.eq(address),
        ]
        self.sync += ends.eq(rounds == self.last_logit)  # long before the end of a round
        self.sync += If(
            sink.valid,
            address.eq(address + 1),
            If(
                sink.last,
                rounds.eq(rounds + CLASS_LANES),
                If(ends, address.eq(0), rounds.eq(CLASS_LANES - 1)),
            ),
        )

        biases = Memory(LOGIT_WIDTH, CLASS_LANES * ROUNDS, name="biases")
        write_port, read_port = biases.get_port(write_capable=True), biases.get_port(async_read=True)
        self.specials += biases, write_port, read_port
        number = Signal(6)
        acc = Signal((LOGIT_WIDTH, True), reset_less=True)
        bias = Signal((LOGIT_WIDTH, True), reset_less=True)
        counts = Signal()  # the logit is that of a class
        self.comb += [
            write_port.adr.eq(load.address),
            write_port.dat_w.eq(load.data),
            write_port.we.eq(load.valid),
            read_port.adr.eq(number),
        ]
        self.sync += [
            If(
                array.source.valid,
                number.eq(number + 1),
                If(number == self.last_logit, number.eq(0)),
            ),
            counts.eq(array.source.valid & (number <= self.last_class)),
            acc.eq(array.source.acc),
            bias.eq(read_port.dat_r),
            classify.sink.valid.eq(counts),
            classify.sink.acc.eq(acc + bias),
        ]
