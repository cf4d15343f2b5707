"""The pipeline of the pixel-serial engine: two arrays, between which the codes of two images go to and fro.

While the rows array works on one image, the columns array works on the other. The widths in bits stand below
the arrows.

 sink   +-------------+ pixel  +-----------+ acc  +------------+ code +------------+
 --/--->| PixelMemory |---/--->| rows      |--/-->| rows       |--/-->| CodeMemory |--+
   8    | 2 images    |   8    | LaneArray |  32  | Activation |  13  | 2 images   |  |
        +-------------+   +--->| 28 lanes  |      +------------+      +------------+  |
                          |    +-----------+                                          |
                       14 |                                                           | 13
        +------------+    |    +-----------+ acc  +------------+ code  +-+            |
        | CodeMemory |----+    | columns   |--/-->| columns    |--/--->|+|----+----+  |
        | 2 images   |    +--->| LaneArray |  31  | Activation |  13   +-+    |    |  |
        +------------+    |    | 28 lanes  |      +------------+        ^     |    |  |
          ^               |    +-----------+                            |     |    |  |
          |               +-------------------------------------------- | --- | -- | -+
          |                              +------------+                 |     |    |
          |                              | CodeMemory |-----------------+     |    |
          |                              | kept sums  |<----------------------+    |
          |                              +------------+                       |    |
          +-------------------------------------------------------------------+    | 14
                               +------------+ source.word                          |
                               | Classifier |-----/------>                         |
                               | 10 lanes   |     32                               |
                               +------------+<-------------------------------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Record, ResetInserter, Signal

from gateware.cores.delay import delayed
from gateware.cores.lane_array import LaneArray, LaneArrayConfig
from gateware.engines.pixel_serial.activation import Activation
from gateware.engines.pixel_serial.classifier import Classifier
from gateware.engines.pixel_serial.code_memory import CodeMemory
from gateware.engines.pixel_serial.images import Images
from gateware.engines.pixel_serial.pixel_memory import PixelMemory
from gateware.engines.pixel_serial.sequencer import BANK_BITS, INPUT_BITS, Sequencer
from lst_overlay.network.lst.serial_format import CODE_WIDTH, LANES, SUM_WIDTH

GLOBALS = ("last_row", "last_column", "image_beats", "pixel_shift", "last_class", "last_logit")


class Pipeline(LiteXModule):
    """Pixels in, logits and class out.

    sink:   word (8 bits), a pixel; row by row, with any pauses, and padding behind each image.
    source: word (32 bits), the logits and then the class with ``last``; no back-pressure.
    loads:  an endpoint for each section of the parameters after the fields.
    enable: a network is loaded.
    has_credit: the results of one more image have room. started: high for one clock when one is admitted.
    starved, blocked: as `Engine` says.
    GLOBALS: fields of the parameters, constant while images are here.
    reset:  held for at least eight clocks: every image is dropped.
    """

    def __init__(self):
        self.pixels = pixels = ResetInserter()(PixelMemory())
        self.rows = rows = ResetInserter()(Sequencer(pixels))
        self.columns = columns = ResetInserter()(Sequencer())
        self.images = images = ResetInserter()(Images(pixels, rows, columns))
        self.rows_array = rows_array = ResetInserter()(LaneArray(_array(SUM_WIDTH)))
        self.columns_array = columns_array = ResetInserter()(LaneArray(_array(CODE_WIDTH)))
        self.rows_activation = rows_activation = ResetInserter()(Activation(rows_array.source.acc.nbits))
        self.columns_activation = columns_activation = ResetInserter()(
            Activation(columns_array.source.acc.nbits)
        )
        self.row_codes = row_codes = CodeMemory(CODE_WIDTH)
        self.column_codes = column_codes = CodeMemory(SUM_WIDTH)
        self.kept = kept = CodeMemory(SUM_WIDTH)
        self.classifier = classifier = ResetInserter()(Classifier())
        self.sink, self.source = pixels.sink, classifier.source
        self.last_row, self.last_column = pixels.last_row, pixels.last_column
        self.image_beats, self.pixel_shift = pixels.beats, pixels.shift
        self.last_class, self.last_logit = classifier.last_class, classifier.last_logit
        self.enable, self.has_credit, self.started = images.enable, images.has_credit, images.started
        self.starved, self.blocked = images.starved, images.blocked
        self.reset = Signal()
        self.loads = {"classifier_weights": classifier.weights, "classifier_bias": classifier.bias}
        for name, sequencer, activation in (
            ("rows", rows, rows_activation),
            ("columns", columns, columns_activation),
        ):
            self.loads.update(
                {
                    f"{name}_passes": sequencer.load,
                    f"{name}_weights": sequencer.weights,
                    f"{name}_bias": activation.bias,
                    f"{name}_table": activation.table,
                }
            )

        # # #

        # The reset passes on by groups, a clock each, so that none of its registers has many loads. What is
        # in no group is a delay that is over before the groups behind it leave their reset.
        reset = self.reset
        for group in (
            (pixels, images, rows, columns),
            (rows_array, rows_activation, columns_array, columns_activation),
            (classifier,),
        ):
            reset = delayed(self, reset, 1, "group_reset")
            self.comb += [part.reset.eq(reset) for part in group]
        step = rows.step
        self.comb += [
            pixels.read_slot.eq(step.image),
            pixels.read_row.eq(step.vector),
            pixels.read_column.eq(step.input),
            column_codes.image.eq(step.image),
            column_codes.row.eq(step.vector),
            column_codes.column.eq(step.input),
        ]
        from_pixels = delayed(self, step.from_pixels, CodeMemory.latency, "from_pixels")
        x = Signal((SUM_WIDTH, True))
        self.comb += If(from_pixels, x.eq(pixels.pixel)).Else(x.eq(column_codes.code))
        self._connect(rows, x, rows_array, rows_activation)

        step = columns.step
        self.comb += [
            row_codes.image.eq(step.image),
            row_codes.row.eq(step.input),
            row_codes.column.eq(step.vector),
        ]
        self._connect(columns, row_codes.code, columns_array, columns_activation)

        place = rows_activation.place
        self.comb += [
            row_codes.write.valid.eq(place.valid),
            row_codes.write.image.eq(place.image),
            row_codes.write.row.eq(place.vector),
            row_codes.write.column.eq(place.output),
            row_codes.write.code.eq(rows_activation.code),
        ]

        # The output of the columns array: the code, and what was kept if the layer adds it.
        early, place = columns_activation.early, columns_activation.place
        total = Signal((SUM_WIDTH, True), reset_less=True)
        summand = Signal((SUM_WIDTH, True))
        self.comb += [
            kept.image.eq(early.image),
            kept.row.eq(early.output),
            kept.column.eq(early.vector),
            If(place.adds, summand.eq(kept.code)),
        ]
        self.sync += total.eq(columns_activation.code + summand)
        late = Record(place.layout, name="late")
        self.comb += [
            getattr(late, name).eq(
                delayed(self, getattr(place, name), 1, f"late_{name}", reset_less=name != "valid")
            )
            for name, *_ in place.layout
        ]
        stores = delayed(self, place.valid & place.stores, 1, "late_stores", reset_less=False)
        classifies = delayed(self, place.valid & place.classifies, 1, "late_classifies", reset_less=False)
        for memory, valid in ((column_codes, late.valid), (kept, stores)):
            self.comb += [
                memory.write.valid.eq(valid),
                memory.write.image.eq(late.image),
                memory.write.row.eq(late.output),
                memory.write.column.eq(late.vector),
                memory.write.code.eq(total),
            ]
        self.comb += [
            classifier.sink.valid.eq(classifies),
            classifier.sink.first.eq(late.first),
            classifier.sink.last.eq(late.last),
            classifier.sink.x.eq(total),
        ]

    def _connect(self, sequencer, x, array, activation):
        """Connect the codes that a sequencer has read to its array, and the sums to their activation."""
        step = sequencer.step
        latency = CodeMemory.latency
        self.comb += [
            array.sink.valid.eq(delayed(self, step.valid, latency, "array_valid", reset_less=False)),
            array.sink.first.eq(delayed(self, step.first, latency, "array_first")),
            array.sink.last.eq(delayed(self, step.last, latency, "array_last")),
            array.sink.address[:INPUT_BITS].eq(delayed(self, step.input, latency, "array_input")),
            array.sink.address[INPUT_BITS].eq(delayed(self, step.bank, latency, "array_bank")),
            array.sink.x.eq(x),
            sequencer.lanes.connect(array.load),
            array.source.connect(activation.sink),
            # One clock before the first sum: ``ends_vector`` is one before the step.
            activation.begins.eq(
                delayed(self, sequencer.ends_vector, latency + array.latency, "begins", reset_less=False)
            ),
            activation.vector.raw_bits().eq(sequencer.result.raw_bits()),
        ]


def _array(x_width: int) -> LaneArrayConfig:
    # Sums hold FEATURES products of the two most negative codes, or are exact modulo 2**32.
    acc_width = min(32, x_width + CODE_WIDTH + INPUT_BITS)
    config = LaneArrayConfig(LANES, 1 << BANK_BITS, x_width, CODE_WIDTH, acc_width)
    return config
