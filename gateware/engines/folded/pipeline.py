"""The pipeline of the folded engine: rows, then columns, on the same multipliers; the classifier beside them.

The widths in bits stand below the arrows. Everywhere one code or sum per clock.

             a transposed code, if one is valid
              +-----------------------------------------------------------------+
              v                                                                 |
            +-----+    +---------+   layer 0   +--------------+      +------------+
 sink.data  |     | x0 | cascade | y0          | rows_table   | code | transposer |
 ----/----->| mux |-/->| Cascade |-/---+------>| ChannelTable |--/-->| Transposer |
     b      |     | x  | 28 DSPs | s   |       +--------------+  a   +------------+
            +-----+    +---------+     |
                                       |
  +------------------------------------+
  |  layer 1  +---------------+      +------------+     +------------+
  |           | columns_table | code | classifier | acc | classify   | source.word
  +---------->| ChannelTable  |--/-->| MacArray   |--/->| Argmax     |-----/----->
              +---------------+  c   | 10 lanes   |  u  | 10 logits, |     32
                                     +------------+     | then class |
                                                        +------------+

b: a pixel's code. a, c: the codes of rows and columns. x: the wider of b + 1 and a. s: the sums of rows and
   columns.
u: the sums of the classifier. With lst1_w6a4p4 b = a = c = 4, x = 5, s = 14, u = 17.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.cascade import Cascade
from gateware.cores.channel_table import ChannelTable
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.transposer import Transposer, TransposerConfig
from gateware.cores.widths import signed_width
from lst_overlay.network import Network


class Pipeline(LiteXModule):
    """Pixels in, logits and class out. No stage has back-pressure: ``ready`` is ignored.

    The cascade takes one pixel per clock for half of the time, and one element of the transposed output of
    the rows per clock for the other half.

    sink:     data: a pixel's code; those of an image in consecutive clocks, row by row.
    interval: clocks from an image to the next, at least.
    source:   word (32 bits): the logits, then the class with last.
    """

    phase, open = None, None

    def __init__(self, network: Network):
        rows, columns, dense = network.layers
        size, classes = network.image_shape[0], network.classes
        width = rows.activation.width
        self.sink = sink = stream.Endpoint([("data", network.pixel_bits)])
        self.cascade = cascade = Cascade([rows, columns], network.input_ranges[:2])
        self.rows_table = ChannelTable(rows.activation, range(size), cascade.acc_width)
        self.columns_table = ChannelTable(columns.activation, range(size), cascade.acc_width)
        self.transposer = transposer = Transposer(TransposerConfig(size, width))
        # The columns come one after the other: element p of column o has number o * size + p.
        self.classifier = classifier = MacArray(
            MacArrayConfig(
                classes,
                size * size,
                columns.activation.width,
                dense.weights_width,
                block_ram=True,
                sum_width=signed_width(*dense.acc_bounds(*network.input_ranges[2])),
            ),
            dense.weights_q.reshape(classes, size, size).swapaxes(1, 2).reshape(classes, -1),
            dense.bias_q,
        )
        self.classify = Argmax(LOGIT_WIDTH, classes)
        self.source = self.classify.source
        # Clocks from an image's last pixel to the start of its first column.
        transpose_latency = cascade.latency + ChannelTable.latency + Transposer.latency
        self.interval = 2 * size * size + transpose_latency

        # # #

        self.comb += [
            cascade.sink.valid.eq(sink.valid | transposer.source.valid),
            cascade.sink.layer.eq(transposer.source.valid),
            If(transposer.source.valid, cascade.sink.x0.eq(transposer.source.code)).Else(
                cascade.sink.x0.eq(sink.data)
            ),
            self.rows_table.sink.valid.eq(cascade.source.valid & ~cascade.source.layer),
            self.columns_table.sink.valid.eq(cascade.source.valid & cascade.source.layer),
            self.rows_table.sink.acc.eq(cascade.source.y0),
            self.columns_table.sink.acc.eq(cascade.source.y0),
            self.rows_table.source.connect(transposer.sink),
            classifier.sink.valid.eq(self.columns_table.source.valid),
            classifier.sink.x.eq(self.columns_table.source.code),
            self.classify.sink.valid.eq(classifier.source.valid),
            self.classify.sink.acc.eq(classifier.source.acc),
        ]
