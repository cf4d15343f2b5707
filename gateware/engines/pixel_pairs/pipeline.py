"""The pipeline of the pixel-pairs engine: two codes per clock.

The rows stage works on one image while columns and classifier work on the image before it.

The widths in bits stand below the arrows.

 sink.data +---------+ y0 +-------------+    +----------------+ y0 +---------+ y0 +----------------+
 ---/----->| rows    |-/->| rows_table0 |-/->| transposer     |-/->| columns |-/->| columns_table0 |-/--+
   2 b     | Cascade | s  +-------------+ a  | PairTransposer | a  | Cascade | t  +----------------+ c  |
  (x0, x1) | 28 DSPs | y1 +-------------+    |                | y1 | 28 DSPs | y1 +----------------+    |
           |         |-/->| rows_table1 |-/->|                |-/->|         |-/->| columns_table1 |-/--|--+
           +---------+ s  +-------------+ a  +----------------+ a  +---------+ t  +----------------+ c  |  |
  +-----------------------------------------------------------------------------------------------------+  |
  |   +-------------+ acc  +-----+       +------------+                                                    |
  +-->| classifier0 |--/-->|     | total | classify   | source.word                                        |
      | 10 lanes    |  u   |     |       | Argmax     |                                                    |
      +-------------+      |  +  |---/-->| 10 logits, |-----/----->                                        |
      +-------------+ acc  |     |   u   | then class |     32                                             |
  +-->| classifier1 |--/-->|     |       +------------+                                                    |
  |   | 10 lanes    |  u   +-----+                                                                         |
  |   +-------------+                                                                                      |
  +--------------------------------------------------------------------------------------------------------+

b: a pixel's code. a, c: the codes of rows and columns. s, t, u: the sums of rows, columns and classifier.
With lst1_w6a4p4 b = a = c = 4, s = 14, t = 12, u = 17.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.cascade import Cascade
from gateware.cores.channel_table import ChannelTable
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.widths import signed_width
from gateware.engines.pixel_pairs.pair_transposer import PairTransposer
from lst_overlay.network import Layer, Network

LANES = 2


class Pipeline(LiteXModule):
    """Pairs of pixels in, logits and class out; a pair per clock.

    No stage has back-pressure: ``ready`` is ignored.

    sink:     data: the codes of two pixels, the left one lowest; those of an image in consecutive clocks, row
              by row.
    interval: clocks from an image to the next, at least.
    source:   word (32 bits): the logits, then the class with last.
    """

    phase = None

    def __init__(self, network: Network):
        rows, columns, dense = network.layers
        pixel_range, rows_range, columns_range = network.input_ranges
        size, bits = network.image_shape[0], network.pixel_bits
        self.interval = size * size // LANES
        self.sink = sink = stream.Endpoint([("data", LANES * bits)])
        self.rows, self.columns = (
            Cascade([rows], [pixel_range], LANES),
            Cascade([columns], [rows_range], LANES),
        )
        self.transposer = PairTransposer(size, rows.activation.width)
        self.classify = Argmax(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source

        # # #

        self.comb += [
            self.rows.sink.valid.eq(sink.valid),
            *[
                getattr(self.rows.sink, f"x{lane}").eq(sink.data[bits * lane : bits * (lane + 1)])
                for lane in range(LANES)
            ],
            self.columns.sink.valid.eq(self.transposer.source.valid),
            self.columns.sink.x0.eq(self.transposer.source.y0),
            self.columns.sink.x1.eq(self.transposer.source.y1),
        ]
        valid, codes = self._tables("rows", rows, self.rows)
        self.comb += [
            self.transposer.sink.valid.eq(valid),
            self.transposer.sink.x0.eq(codes[0]),
            self.transposer.sink.x1.eq(codes[1]),
        ]
        valid, codes = self._tables("columns", columns, self.columns)
        self._add_classifier(
            dense,
            network,
            columns.activation.width,
            signed_width(*dense.acc_bounds(*columns_range)),
            valid,
            codes,
        )

    def _tables(self, name: str, layer: Layer, cascade: Cascade) -> Tuple[Signal, list]:
        """Add the table of each lane of a cascade. Returns their valid signal and their codes."""
        tables, channels = [], layer.fan_out // LANES
        for lane in range(LANES):
            table = ChannelTable(
                layer.activation, range(lane * channels, (lane + 1) * channels), cascade.acc_width
            )
            setattr(self.submodules, f"{name}_table{lane}", table)
            self.comb += [
                table.sink.valid.eq(cascade.source.valid),
                table.sink.acc.eq(getattr(cascade.source, f"y{lane}")),
            ]
            tables.append(table)
        return tables[0].source.valid, [table.source.code for table in tables]

    def _add_classifier(
        self, dense: Layer, network: Network, x_width: int, sum_width: int, valid, codes
    ) -> None:
        """Add a multiplier array for each lane; a logit is the sum of both arrays' outputs."""
        size, classes = network.image_shape[0], network.classes
        config = MacArrayConfig(
            classes, size * size // LANES, x_width, dense.weights_width, block_ram=True, sum_width=sum_width
        )
        # (lanes, classes, columns * half of the rows): codes arrive column by column, the first array takes
        # the upper half of each column and the second array the lower half.
        weights = (
            dense.weights_q.reshape(classes, LANES, size // LANES, size)
            .transpose(1, 0, 3, 2)
            .reshape(LANES, classes, -1)
        )
        total = Signal((sum_width, True), reset_less=True)
        arrays = []
        for lane in range(LANES):
            array = MacArray(config, weights[lane], dense.bias_q if lane == 0 else np.zeros(classes, int))
            setattr(self.submodules, f"classifier{lane}", array)
            self.comb += [array.sink.valid.eq(valid), array.sink.x.eq(codes[lane])]
            arrays.append(array)
        self.sync += [
            total.eq(arrays[0].source.acc + arrays[1].source.acc),
            self.classify.sink.valid.eq(arrays[0].source.valid),
        ]
        self.comb += self.classify.sink.acc.eq(total)
