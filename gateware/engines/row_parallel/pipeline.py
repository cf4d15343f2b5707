"""The pipeline of the row-parallel engine: all stages of LST-1, each on a whole row or column per clock.

Under an arrow stands the width in bits; above it, the number of such signals in parallel.

             a row per clock                                         a column per clock
           +----------------+    +-------------+    +---------------+    +----------------+
 sink.data | rows           | 28 | rows_lookup | 28 | transposer    | 28 | columns        | 28
 ---/----->| ConstantMatrix |-/->| Lookup      |-/->| RowTransposer |-/->| ConstantMatrix |-/--+
   28 b    | W1 x + bias    | s  | 28 tables   | a  | [row_counter] | a  | W2 x + bias    | t  |
           +----------------+    +-------------+    +---------------+    +----------------+    |
  +--------------------------------------------------------------------------------------------+
  |    +----------------+    +------------------+    +---------------+    +------------+
  |    | columns_lookup | 28 | classifier       | 10 | held          |    | classify   | source.word
  +--->| Lookup         |-/->| Classifier       |-/->| shifts out    |-/->| Argmax     |-----/----->
       | 28 tables      | c  | [column]         | u  | 1 per clock   | u  | 10 logits, |     32
       +----------------+    +------------------+    +---------------+    | then class |
                              logits once an image                        +------------+

b: a pixel's code. a, c: the codes of rows, columns. s, t, u: the accumulators of rows, columns, classifier.
With lst1_w4a4p2 b = 2, a = c = 4, s = 10, t = 11, u = 15, and the latencies are 7, 3, 30, 5, 3 and 11 clocks.
[...]: the input that tells the stage which row or column it has; it is driven by a RowCounter.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.widths import signed_width
from gateware.engines.row_parallel.classifier import Classifier
from gateware.engines.row_parallel.constant_matrix import ConstantMatrix
from gateware.engines.row_parallel.lookup import Lookup
from gateware.engines.row_parallel.row_counter import RowCounter
from gateware.engines.row_parallel.row_transposer import RowTransposer
from lst_overlay.network import Network


class Pipeline(LiteXModule):
    """Rows in, logits and class out; a row per clock.

    No stage has back-pressure: ``ready`` is ignored.

    phase:    the row counter: 0 .. rows - 1, for ever.
    interval: clocks from an image to the next, at least.
    sink:     data: the pixel codes of a row, the leftmost in the lowest bits. Row r of an image enters when
              the row counter is r, and all rows of an image are valid.
    source:   word (32 bits): the logits, one per clock, then the class with last.
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
        self.transposer = RowTransposer(size, rows_layer.activation.width)
        self.columns = ConstantMatrix(columns_layer.weights_q, columns_layer.bias_q, rows_range, widths[1])
        self.columns_lookup = Lookup(columns_layer.activation, size, widths[1])
        self.classifier = Classifier(dense, size, size, columns_layer.activation.width, widths[2])
        self.classify = Argmax(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source

        # # #

        stages = [
            self.rows,
            self.rows_lookup,
            self.transposer,
            self.columns,
            self.columns_lookup,
            self.classifier,
        ]
        # Clocks from the pipeline's input to that of each stage.
        age = [sum(stage.latency for stage in stages[:number]) for number in range(len(stages))]
        self.row_counter = RowCounter(size)
        self.transposer_counter = RowCounter(size, age[stages.index(self.transposer)])
        self.classifier_counter = RowCounter(size, age[stages.index(self.classifier)])
        self.latency = sum(stage.latency for stage in stages)
        self.phase = self.row_counter.count
        self.interval = size
        self.comb += [
            self.transposer.row_counter.eq(self.transposer_counter.count),
            self.classifier.column.eq(self.classifier_counter.count),
            self.rows.sink.valid.eq(sink.valid),
            *[
                getattr(self.rows.sink, f"x{lane}").eq(sink.data[bits * lane : bits * (lane + 1)])
                for lane in range(size)
            ],
        ]
        for stage, following in zip(stages, stages[1:]):
            self.comb += following.sink.valid.eq(stage.source.valid)
            self.comb += [
                getattr(following.sink, f"x{lane}").eq(getattr(stage.source, f"y{lane}"))
                for lane in range(size)
            ]

        # The classifier gives all logits of an image at once; they leave one per clock, before those of the
        # next image.
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
