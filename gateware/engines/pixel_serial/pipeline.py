"""The pipeline of the pixel-serial engine: one code per clock.

The rows stage works on one image while columns and classifier work on the image before it.

The widths in bits stand below the arrows.

 sink.data  +--------+    +----------+ acc  +-----------+ acc  +-----------------+ code
 -----/---->| shift  |-/->| rows     |--/-->| rows_bias |--/-->| rows_table      |--/--+
      8     | right  | 8  | MacArray |  27  | BiasAdder |  32  | ActivationTable |  13 |
            +--------+    | 28 lanes |      +-----------+ lane +-----------------+     |
                          +----------+                     5                           |
  +------------------------------------------------------------------------------------+
  |   +------------+    +----------+ acc  +--------------+ acc  +-----------------+ code
  +-->| transposer |-/->| columns  |--/-->| columns_bias |--/-->| columns_table   |--/--+
      | Transposer | 13 | MacArray |  31  | BiasAdder    |  32  | ActivationTable |  13 |
      +------------+    | 28 lanes |      +--------------+ lane +-----------------+     |
                        +----------+                        5                           |
  +-------------------------------------------------------------------------------------+
  |   +------------+ acc  +-----------------+ acc  +------------+ source.word
  +-->| classifier |--/-->| classifier_bias |--/-->| classify   |-----/------>
      | MacArray   |  32  | BiasAdder       |  32  | Argmax     |     32
      | 10 lanes   |      +-----------------+      | 10 logits, |
      +------------+                               | then class |
                                                   +------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.delay import delayed
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.transposer import Transposer, TransposerConfig
from gateware.engines.pixel_serial.activation_table import ActivationTable, ActivationTableConfig
from gateware.engines.pixel_serial.bias_adder import BiasAdder, BiasAdderConfig
from lst_overlay.network.lst.layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL
from lst_overlay.network.lst.parameters import CLASSES, CODE_WIDTH, SIZE

PIXELS = SIZE * SIZE


class Pipeline(LiteXModule):
    """Pixels in, logits and class out; one pixel per clock.

    No stage has back-pressure: ``ready`` is ignored.

    sink:   data (8 bits): a pixel, row by row, with any pauses.
    source: word (32 bits): ten logits, then the class with last.
    The shifts and the kinds of tables are constant while images are in the pipeline.
    """

    def __init__(self):
        self.sink = sink = stream.Endpoint([("data", 8)])
        self.rows_shift = Signal(5)
        self.columns_shift = Signal(5)
        self.rows_per_channel = Signal()
        self.columns_per_channel = Signal()
        self.pixel_shift = Signal(3)

        # # #

        self.rows = rows = MacArray(MacArrayConfig(SIZE, SIZE, x_width=9, weight_width=CODE_WIDTH))
        self.columns = columns = MacArray(
            MacArrayConfig(SIZE, SIZE, x_width=CODE_WIDTH, weight_width=CODE_WIDTH)
        )
        self.classifier = classifier = MacArray(
            MacArrayConfig(CLASSES, PIXELS, x_width=CODE_WIDTH, weight_width=CODE_WIDTH, block_ram=True)
        )
        self.rows_bias = BiasAdder(BiasAdderConfig(SIZE, rows.source.acc.nbits))
        self.columns_bias = BiasAdder(BiasAdderConfig(SIZE, columns.source.acc.nbits))
        self.classifier_bias = BiasAdder(BiasAdderConfig(CLASSES, classifier.source.acc.nbits))
        table = ActivationTableConfig(
            acc_width=32,
            index_width=MAX_INDEX_WIDTH,
            code_width=CODE_WIDTH,
            lanes=SIZE,
            index_width_per_channel=MAX_INDEX_WIDTH_PER_CHANNEL,
        )
        self.rows_table, self.columns_table = ActivationTable(table), ActivationTable(table)
        self.transposer = Transposer(TransposerConfig(SIZE, CODE_WIDTH))
        self.classify = Argmax(LOGIT_WIDTH, CLASSES)
        self.source = self.classify.source

        pixel = Signal(8, reset_less=True)
        self.sync += pixel.eq(sink.data >> self.pixel_shift)
        self.comb += [
            rows.sink.valid.eq(delayed(self, sink.valid, 1, reset_less=False)),
            rows.sink.x.eq(pixel),
            self.rows_table.shift.eq(self.rows_shift),
            self.columns_table.shift.eq(self.columns_shift),
            self.rows_table.per_channel.eq(self.rows_per_channel),
            self.columns_table.per_channel.eq(self.columns_per_channel),
            rows.source.connect(self.rows_bias.sink),
            self.rows_bias.source.connect(self.rows_table.sink),
            self.rows_table.source.connect(self.transposer.sink),
            columns.sink.valid.eq(self.transposer.source.valid),
            columns.sink.x.eq(self.transposer.source.code),
            columns.source.connect(self.columns_bias.sink),
            self.columns_bias.source.connect(self.columns_table.sink),
            classifier.sink.valid.eq(self.columns_table.source.valid),
            classifier.sink.x.eq(self.columns_table.source.code),
            classifier.source.connect(self.classifier_bias.sink),
            self.classifier_bias.source.connect(self.classify.sink, omit={"lane"}),
        ]
