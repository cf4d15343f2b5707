"""The three stages of LST-1, each on a row or a column per clock: rows, turn, columns, classifier."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Classify
from gateware.cores.widths import signed_width
from gateware.engines.row_parallel.classifier import Classifier
from gateware.engines.row_parallel.constant_matrix import ConstantMatrix
from gateware.engines.row_parallel.lookup import Lookup
from gateware.engines.row_parallel.phase import Phase
from gateware.engines.row_parallel.turn import Turn
from lst_overlay.network import Network


class Pipeline(LiteXModule):
    """Rows in, logits and class out; a row per clock, nothing inside ever waits.

    phase:   0 .. rows - 1 in turn, for ever.
    sink:    data: a row, its pixels' codes, the leftmost in the lowest bits. Row r of an image enters in phase r, valid for all of them.
    source:  word (32 bits): the logits, one per clock, then the class with last; it cannot be held.
    """

    def __init__(self, network: Network):
        rows_layer, columns_layer, dense = network.layers
        (size, _), bits = network.image_shape, network.pixel_bits
        pixel_range, rows_range, columns_range = network.input_ranges
        self.sink = sink = stream.Endpoint([("data", size * bits)])
        widths = [
            signed_width(*layer.acc_bounds(*codes))
            for layer, codes in zip(network.layers, network.input_ranges)
        ]

        self.rows = ConstantMatrix(rows_layer.weights_q, rows_layer.bias_q, pixel_range, widths[0])
        self.rows_lookup = Lookup(rows_layer.activation, size, widths[0])
        self.turn = Turn(size, rows_layer.activation.width)
        self.columns = ConstantMatrix(columns_layer.weights_q, columns_layer.bias_q, rows_range, widths[1])
        self.columns_lookup = Lookup(columns_layer.activation, size, widths[1])
        self.classifier = Classifier(dense, size, size, columns_layer.activation.width, widths[2])
        self.classify = Classify(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source

        # # #

        stages = [self.rows, self.rows_lookup, self.turn, self.columns, self.columns_lookup, self.classifier]
        age = [sum(stage.latency for stage in stages[:number]) for number in range(len(stages))]
        self.beat = Phase(size)
        self.turn_beat = Phase(size, age[stages.index(self.turn)])
        self.classifier_beat = Phase(size, age[stages.index(self.classifier)])
        self.latency = sum(stage.latency for stage in stages)
        self.phase = self.beat.count
        self.interval = size
        self.comb += [
            self.turn.phase.eq(self.turn_beat.count),
            self.classifier.column.eq(self.classifier_beat.count),
            self.rows.sink.valid.eq(sink.valid),
            *[
                getattr(self.rows.sink, f"x{lane}").eq(sink.data[bits * lane : bits * (lane + 1)])
                for lane in range(size)
            ],
        ]
        for one, other in zip(stages, stages[1:]):
            self.comb += other.sink.valid.eq(one.source.valid)
            self.comb += [
                getattr(other.sink, f"x{lane}").eq(getattr(one.source, f"y{lane}")) for lane in range(size)
            ]

        # All logits of an image are there at once, and are passed on one by one before the next image's.
        held = Signal(widths[2] * network.classes, reset_less=True)
        left = Signal(max=network.classes + 1)
        logits = [getattr(self.classifier.source, f"y{number}") for number in range(network.classes)]
        first = Signal((widths[2], True))
        self.comb += [
            first.eq(held[: widths[2]]),
            self.classify.sink.acc.eq(first),
            self.classify.sink.valid.eq(left != 0),
        ]
        self.sync += [
            held.eq(held[widths[2] :]),
            If(left != 0, left.eq(left - 1)),
            If(self.classifier.source.valid, held.eq(Cat(*logits)), left.eq(network.classes)),
        ]
