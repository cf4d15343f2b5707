"""The pipeline of the row-parallel engine: all stages of LST-1 or LST-2, each on a row or column per clock.

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

In LST-2, a second transform follows columns_lookup: transposer2, which makes rows of the columns again, then
rows2 to columns2_lookup with transposer3 between them.

A network whose features along rows are more than the clocks of an image has several columns at once from the
transposer on, one after another in the lanes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Tuple

import numpy as np
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
from gateware.engines.row_parallel.shape import by_lanes, columns_at_once, tables_in_luts
from lst_overlay.network import Activation, Axis, LSTNetwork


class Pipeline(LiteXModule):
    """Rows in, logits and class out; a row per clock.

    network: filled up (shape.py).
    No stage has back-pressure: ``ready`` is ignored.

    phase:    the row counter: 0 .. rows - 1, for ever.
    interval: clocks from an image to the next, at least.
    sink:     data: the pixel codes of a row, the leftmost in the lowest bits. Row r of an image enters when
              the row counter is r, and all rows of an image are valid.
    source:   word (32 bits): the logits, one per clock, then the class with last.
    """

    def __init__(self, network: LSTNetwork):
        *layers, dense = network.layers
        (size, columns), bits = network.image_shape, network.pixel_bits
        vectors = columns_at_once(network)
        lanes = vectors * size  # of everything between the first matrix and the logits
        self.sink = sink = stream.Endpoint([("data", columns * bits)])
        widths = [
            signed_width(*layer.acc_bounds(*codes))
            for layer, codes in zip(network.layers, network.input_ranges)
        ]
        in_luts = tables_in_luts(network)
        stages: List[Tuple[str, LiteXModule, Optional[Signal]]] = []  # name, stage, input of its counter
        for number, (layer, codes, width) in enumerate(zip(layers, network.input_ranges, widths)):
            if number:
                transposer = RowTransposer(size, layers[number - 1].activation.width, vectors)
                stages.append((_numbered("transposer", number), transposer, transposer.row_counter))
            name, at_once = _numbered(layer.axis.value, number // 2 + 1), 1
            if layer.axis is Axis.COLUMNS:
                at_once = vectors
            matrix = ConstantMatrix(layer.weights_q, layer.bias_q, codes, width, at_once)
            stages.append((name, matrix, None))
            lookup = Lookup(_repeated(layer.activation, at_once), lanes, width, number in in_luts)
            stages.append((f"{name}_lookup", lookup, None))
        classifier = Classifier(by_lanes(network), lanes, size, layers[-1].activation.width, widths[-1])
        stages.append(("classifier", classifier, classifier.column))
        self.row_counter = RowCounter(size)
        self.classify = Argmax(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source
        self.phase = self.row_counter.count
        self.interval = size
        self.latency = 0  # from the pipeline's input to that of each stage, and in the end of all

        # # #

        valid, values = sink.valid, [sink.data[bits * lane : bits * (lane + 1)] for lane in range(columns)]
        for name, stage, count in stages:
            setattr(self, name, stage)
            if count is not None:
                counter = RowCounter(size, self.latency)
                setattr(self, f"{name}_counter", counter)
                self.comb += count.eq(counter.count)
            self.comb += stage.sink.valid.eq(valid)
            self.comb += [getattr(stage.sink, f"x{lane}").eq(value) for lane, value in enumerate(values)]
            self.latency += stage.latency
            outputs = network.classes if stage is classifier else lanes
            valid, values = stage.source.valid, [getattr(stage.source, f"y{lane}") for lane in range(outputs)]

        # The classifier gives all logits of an image at once; they leave one per clock, before those of the
        # next image.
        width = widths[-1]
        held = Signal(width * network.classes, reset_less=True)
        left = Signal(max=network.classes + 1)
        first = Signal((width, True))
        self.comb += [
            first.eq(held[:width]),
            self.classify.sink.acc.eq(first),
            self.classify.sink.valid.eq(left != 0),
        ]
        self.sync += [
            held.eq(held[width:]),
            If(left != 0, left.eq(left - 1)),
            If(valid, held.eq(Cat(*values)), left.eq(network.classes)),
        ]


def _numbered(name: str, number: int) -> str:
    """The name of a stage: the first of its kind has no number."""
    return name if number == 1 else f"{name}{number}"


def _repeated(activation: Activation, times: int) -> Activation:
    """The activation of the channels of several vectors, one vector after another."""
    if not activation.per_channel or times == 1:
        return activation
    return replace(activation, table_q=np.tile(activation.table_q, (times, 1)))
