"""The pipeline of the pixel-serial engine: three stages, each on an image of its own, one code per clock.

The widths in bits stand below the arrows.

 sink.pixel +--------+    +----------+ acc  +-----------+ acc  +-----------------+ code
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
  |   +------------+ acc  +-----------------+ acc  +------------+ word +---------+ source.word
  +-->| classifier |--/-->| classifier_bias |--/-->| classify   |--/-->| results |-----/------>
      | MacArray   |  32  | BiasAdder       |  32  | Argmax     |  32  | Fifo    |     32
      | 10 lanes   |      +-----------------+      | 10 logits, |      +---------+
      +------------+                               | then class |
                                                   +------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.delay import delayed
from gateware.cores.fifo import Fifo
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.transposer import Transposer, TransposerConfig
from gateware.engines.pixel_serial.activation_table import ActivationTable, ActivationTableConfig
from gateware.engines.pixel_serial.bias_adder import BiasAdder, BiasAdderConfig
from lst_overlay.network.lst.layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL
from lst_overlay.network.lst.parameters import CLASSES, CODE_WIDTH, SIZE

PIXELS = SIZE * SIZE
# Images in the pipeline, those whose results wait in the FIFO included. Three fill the stages and one leaves
# meanwhile.
CREDITS = 5


class Pipeline(LiteXModule):
    """Pixels in, logits and class out; one pixel per clock.

    No stage has back-pressure: ``ready`` is ignored.

    sink:    pixel (8 bits), row by row. Ready falls only between images, when there is no credit: room for
             the results of an image is reserved before its first pixel is accepted, so no stage ever has to
             stop.
    source:  word (32 bits): ten logits if ``with_logits``, then the class with last.
    starved: a pixel could be accepted and there is none. blocked: no pixel is accepted for want of a credit.
    """

    def __init__(self):
        self.sink = sink = stream.Endpoint([("pixel", 8)])
        self.source = stream.Endpoint([("word", LOGIT_WIDTH)])
        self.with_logits = Signal()
        self.rows_shift = Signal(5)
        self.columns_shift = Signal(5)
        self.rows_per_channel = Signal()
        self.columns_per_channel = Signal()
        self.pixel_shift = Signal(3)
        self.starved = Signal()
        self.blocked = Signal()

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
        # Deep enough for the results of every image that has a credit, so its ready is ignored.
        self.results = results = Fifo(LOGIT_WIDTH, 64)

        self._add_admission()
        accepted = Signal()
        pixel = Signal(8, reset_less=True)
        self.comb += accepted.eq(sink.valid & sink.ready)
        self.sync += pixel.eq(sink.pixel >> self.pixel_shift)
        self.comb += [
            rows.sink.valid.eq(delayed(self, accepted, 1, reset_less=False)),
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
            results.sink.valid.eq(
                self.classify.source.valid & (self.with_logits | self.classify.source.last)
            ),
            results.sink.last.eq(self.classify.source.last),
            results.sink.data.eq(self.classify.source.word),
            self.source.valid.eq(results.source.valid),
            self.source.last.eq(results.source.last),
            self.source.word.eq(results.source.data),
            results.source.ready.eq(self.source.ready),
        ]

    def _add_admission(self):
        """Admit an image when there is a credit for it; its last result word returns the credit."""
        sink = self.sink
        credits = Signal(max=CREDITS + 1, reset=CREDITS)
        pixel_number = Signal(max=PIXELS)
        is_last = Signal()
        open_ = Signal()
        has_credit = Signal()  # one clock late, which is early enough: images are 784 clocks apart
        ends = Signal()
        granted = Signal()
        returned = Signal()
        self.comb += [
            sink.ready.eq(open_),
            ends.eq(sink.valid & open_ & is_last),
            granted.eq((ends | ~open_) & has_credit),
            self.starved.eq(open_ & ~sink.valid),
            self.blocked.eq(~open_),
        ]
        self.sync += [
            If(
                sink.valid & open_,
                is_last.eq(pixel_number == PIXELS - 2),
                If(is_last, pixel_number.eq(0)).Else(pixel_number.eq(pixel_number + 1)),
            ),
            has_credit.eq(credits != 0),
            open_.eq(granted | (open_ & ~ends)),
            returned.eq(self.source.valid & self.source.ready & self.source.last),
            If(granted & ~returned, credits.eq(credits - 1)),
            If(returned & ~granted, credits.eq(credits + 1)),
        ]
