"""The pipeline of the pixel-pairs engine: two codes per clock.

The rows stage works on one image while the columns stage works on another. An image goes round once for each
pair of layers along rows and columns. The widths in bits stand below the arrows.

 sink.data    +---------+ y0 +-------------+    +----------------+ y0 +---------+ y0 +----------------+
 ---/----+--->| rows    |-/->| rows_table0 |-/->| transposer     |-/->| columns |-/->| columns_table0 |-/--+
   2 b   |    | Cascade | s  +-------------+ a  | PairTransposer | a  | Cascade | t  +----------------+ c  |
(x0, x1) |    | 28 DSPs | y1 +-------------+    |                | y1 | 28 DSPs | y1 +----------------+    |
         |    |         |-/->| rows_table1 |-/->|                |-/->|         |-/->| columns_table1 |-/--|-+
         |    +---------+ s  +-------------+ a  +----------------+ a  +---------+ t  +----------------+ c  | |
         |    +----------------+              +-----------+                                                | |
         |  c | back           |   c       d  | kept      |<-----------------------------------------------+ |
         +-/--| PairTransposer |<--/--+---/---| KeptCodes |                                                  |
(y0, y1) +-/--|                |<--/--|-+-/---|           |<-------------------------------------------------+
              +----------------+      | |     +-----------+
  +-----------------------------------+ |
  | +-----------------------------------+
  | |  +------------+      +------------+
  | +->| classifier | acc  | classify   | source.word
  +--->| Classifier |--/-->| Argmax     |-----/----->
       | 10 DSPs    |  32  | 10 logits, |     32
       +------------+      | then class |
                           +------------+

With one pair of layers there is no way back. Without a layer that adds, no codes are kept.

b: a pixel's code. a, c: the codes of rows and columns. d: sums of codes. s, t: the sums of products of rows
and columns. With reslst3_w6a4p4 b = a = c = 4, d = 5, s = t = 13.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Sequence, Tuple

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.cascade import Cascade
from gateware.cores.channel_table import ChannelTable
from gateware.cores.delay import delayed
from gateware.cores.widths import signed_width
from gateware.engines.pixel_pairs.classifier import LANES, Classifier
from gateware.engines.pixel_pairs.kept_codes import KeptCodes
from gateware.engines.pixel_pairs.pair_transposer import PairTransposer
from gateware.engines.pixel_pairs.rounds import Rounds
from lst_overlay.network import Layer, Network

BANKS = 4  # of matrices on the way back: one leaves, one waits and one arrives


class Pipeline(LiteXModule):
    """Pairs of pixels in, logits and class out; a pair per clock.

    No stage has back-pressure: ``ready`` is ignored.

    sink:     data: the codes of two pixels, the left one lowest; those of an image in consecutive clocks, row
              by row.
    interval: clocks from an image to the next in the rows stage, at least.
    phase, open: of several pairs of layers, as `BufferedAdmission` says.
    source:   word (32 bits): the logits, then the class with last.
    """

    phase, open = None, None

    def __init__(self, network: Network):
        *layers, dense = network.layers
        size, bits = network.image_shape[0], network.pixel_bits
        self.interval = size * size // LANES
        self.sink = sink = stream.Endpoint([("data", LANES * bits)])
        self.rows, self.columns = rows, columns = [
            Cascade(layers[first::2], network.input_ranges[first:-1:2], LANES) for first in range(2)
        ]
        self.transposer = transposer = PairTransposer(size, _code_width(layers[0::2]))
        self.classifier = classifier = Classifier(dense, network.input_ranges[-1], size)
        self.classify = Argmax(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source

        # # #

        self.comb += [
            rows.sink.valid.eq(sink.valid),
            *[
                getattr(rows.sink, f"x{lane}").eq(sink.data[bits * lane : bits * (lane + 1)])
                for lane in range(LANES)
            ],
            transposer.start.eq(transposer.complete),
            columns.sink.valid.eq(transposer.source.valid),
            columns.sink.x0.eq(transposer.source.y0),
            columns.sink.x1.eq(transposer.source.y1),
        ]
        valids, codes = self._tables("rows", layers[0::2], rows)
        if len(valids) > 1:  # the number of the layer goes along with the matrix
            arriving, leaving = Signal.like(columns.sink.layer), Signal.like(columns.sink.layer)
            self.sync += [
                *[If(delayed(self, valid, 1), arriving.eq(number)) for number, valid in enumerate(valids)],
                If(transposer.start, leaving.eq(arriving)),
            ]
            self.comb += columns.sink.layer.eq(
                delayed(self, leaving, PairTransposer.latency - 1, "columns_layer")
            )
            valids = [delayed(self, reduce(or_, valids), 1, reset_less=False)]
            codes = [delayed(self, code, 1) for code in codes]
        self.comb += [
            transposer.sink.valid.eq(valids[0]),
            transposer.sink.x0.eq(codes[0]),
            transposer.sink.x1.eq(codes[1]),
        ]
        valids, codes = self._tables("columns", layers[1::2], columns)
        valid = valids[0]
        if len(valids) > 1:
            valid, codes = self._add_way_back(network, valids, codes)
        self.comb += [
            classifier.sink.valid.eq(valid),
            classifier.sink.x0.eq(codes[0]),
            classifier.sink.x1.eq(codes[1]),
            self.classify.sink.valid.eq(classifier.source.valid),
            self.classify.sink.acc.eq(classifier.source.acc),
        ]

    def _tables(self, name: str, layers: Sequence[Layer], cascade: Cascade) -> Tuple[list, list]:
        """Add the tables of each layer for each lane of a cascade.

        Returns a valid signal for each layer, and the codes of the lanes.
        """
        valids = [Signal(name=f"{name}{number}_valid") for number in range(len(layers))]
        codes = [Signal((_code_width(layers), True), name=f"{name}_code{lane}") for lane in range(LANES)]
        for number, (layer, valid) in enumerate(zip(layers, valids)):
            channels = layer.fan_out // LANES
            for lane, code in enumerate(codes):
                table = ChannelTable(
                    layer.activation, range(lane * channels, (lane + 1) * channels), cascade.acc_width
                )
                setattr(self.submodules, f"{name}{number or ''}_table{lane}", table)
                of_layer = cascade.source.layer == number if len(layers) > 1 else 1
                self.comb += [
                    table.sink.valid.eq(cascade.source.valid & of_layer),
                    table.sink.acc.eq(getattr(cascade.source, f"y{lane}")),
                    valid.eq(table.source.valid),
                    If(valid, code.eq(table.source.code)) if number else code.eq(table.source.code),
                ]
        return valids, codes

    def _add_way_back(self, network: Network, valids: list, codes: list) -> Tuple[Signal, list]:
        """Bring images back to the rows stage.

        Returns what enters the classifier: the valid signal and the codes of the lanes, a clock later.
        """
        columns, ranges = network.layers[1:-1:2], network.hidden_ranges[1::2]
        added = {layer.add for layer in columns if layer.add is not None}
        # Behind the tables of rows and of columns is a register.
        latency = self.interval + self.rows.latency + ChannelTable.latency + 1 + PairTransposer.latency
        places = -(-2 * latency // self.interval)
        self.rounds = rounds = Rounds(len(columns), self.interval, places, PairTransposer.latency)
        self.phase, self.open = rounds.phase, rounds.open
        ends = delayed(self, valids[-1], 1, reset_less=False)
        comes_back = delayed(self, reduce(or_, valids[:-1]), 1, reset_less=False)
        if added:
            width = max(signed_width(*range_) for range_ in ranges)
            self.kept = kept = KeptCodes(places * self.interval, len(codes[0]), width)
            self.comb += [
                kept.place.eq(rounds.around),
                kept.sink.valid.eq(reduce(or_, valids)),
                kept.sink.x0.eq(codes[0]),
                kept.sink.x1.eq(codes[1]),
            ]
            for number, (layer, valid) in enumerate(zip(columns, valids)):
                if layer.add is not None:
                    self.comb += If(valid, kept.sink.adds.eq(1))
                if 2 * number + 1 in added:
                    self.comb += If(valid, kept.sink.stores.eq(1))
            codes = [kept.source.y0, kept.source.y1]
        else:
            codes = [delayed(self, code, 1) for code in codes]
        self.back = back = PairTransposer(
            network.image_shape[0], max(signed_width(*range_) for range_ in ranges[:-1]), BANKS
        )
        self.comb += [
            back.sink.valid.eq(comes_back),
            back.sink.x0.eq(codes[0]),
            back.sink.x1.eq(codes[1]),
            back.start.eq(rounds.returns),
            rounds.valid.eq(self.rows.sink.valid),
            self.rows.sink.valid.eq(self.sink.valid | back.source.valid),
            self.rows.sink.layer.eq(rounds.pair),
            If(
                back.source.valid,
                self.rows.sink.x0.eq(back.source.y0),
                self.rows.sink.x1.eq(back.source.y1),
            ),
        ]
        return ends, codes


def _code_width(layers: Sequence[Layer]) -> int:
    return max(layer.activation.width for layer in layers)
