"""The pixel-serial engine: LST-1 of any weights, one pixel per clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import ResetInserter, Signal

from gateware.engines.pixel_serial.parameter_loader import ParameterLoader
from gateware.engines.pixel_serial.pipeline import Pipeline
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import IMAGE_BYTES
from lst_overlay.registers import Engine


class PixelSerialEngine(LiteXModule):
    """Streams in, stream out; knows no bus.

    sink:       pixel (8 bits), 784 an image, row by row.
    parameters: word (32 bits), a parameter image; only while no image is under way. ``loader`` tells how it went.
    source:     word (32 bits): ten logits if ``with_logits``, then the class with last. with_logits: constant while images are under way.
    flush:      forgets every image under way; the network stays.
    """

    number = Engine.PIXEL_SERIAL
    layout = ImageLayout()
    fifo_beats = 64
    parameter_bytes = IMAGE_BYTES

    def __init__(self):
        self.loader = loader = ParameterLoader()
        self.pipeline = pipeline = ResetInserter()(Pipeline())
        self.flush = Signal()
        self.sink, self.source, self.parameters = pipeline.sink, pipeline.source, loader.sink
        self.with_logits = pipeline.with_logits
        self.starved, self.blocked = pipeline.starved, pipeline.blocked

        # # #

        self.comb += [
            pipeline.reset.eq(self.flush),
            *[getattr(pipeline, field).eq(value) for field, value in loader.fields.items()],
        ]
        targets = {
            "rows_weights": pipeline.rows,
            "columns_weights": pipeline.columns,
            "classifier_weights": pipeline.classifier,
            "rows_bias": pipeline.rows_bias,
            "columns_bias": pipeline.columns_bias,
            "classifier_bias": pipeline.classifier_bias,
            "rows_table": pipeline.rows_table,
            "columns_table": pipeline.columns_table,
        }
        for name, load in loader.loads.items():
            target = targets[name].load
            self.comb += [
                getattr(target, field).eq(getattr(load, field))
                for field, *_ in target.description.payload_layout
            ]
            self.comb += target.valid.eq(load.valid)
