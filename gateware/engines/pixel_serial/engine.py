"""The pixel-serial engine: a loadable LST-1 network, one pixel per clock."""

from __future__ import annotations

from gateware.cores.unpacker import Unpacker
from gateware.engines.admission import DirectAdmission
from gateware.engines.core import CoreEngine, EngineCore
from gateware.engines.engine import EngineSpec
from gateware.engines.parameter_loader import ParameterLoader
from gateware.engines.pixel_serial.pipeline import PIXELS, Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network.lst.parameters import (
    CLASSES,
    LAYOUT_MAGIC,
    PARAMETER_BYTES,
    SECTIONS,
    SIZE,
    parameter_words,
)

# Two images are in the stages, the logits of a third leave them; one more may enter, and the results of one
# may wait. Each has 11 result words.
CREDITS = 5
RESULT_WORDS = 64
FIELDS = {
    "rows_shift": 5,
    "columns_shift": 5,
    "pixel_shift": 3,
    "rows_per_channel": 1,
    "columns_per_channel": 1,
}


class PixelSerialEngine(CoreEngine):
    """A loadable LST-1 engine; ``parameters`` is a `ParameterLoader`, whose sink takes beats of 64 bits."""

    parameter_bytes = PARAMETER_BYTES

    def __init__(self, capabilities: Capabilities):
        pipeline = Pipeline()
        admission = DirectAdmission(Unpacker(64, 8), PIXELS, CREDITS)
        loader = ParameterLoader(LAYOUT_MAGIC, SECTIONS, FIELDS)
        super().__init__(capabilities, EngineCore(admission, pipeline, RESULT_WORDS), loader)

        # # #

        self.comb += [
            loader.flush.eq(self.flush),
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
        self.comb += loader.writes({name: target.load for name, target in targets.items()})


SPECS = (
    EngineSpec(
        number=0,
        name="pixel_serial",
        idea="one pixel per clock, any LST-1 network",
        chosen_for="networks that change at run time",
        divisors=(5, 1),
        cycles_per_image=PIXELS,
        network="lst1_w6a4p4",
        measured_with=("lst1_w6a4p4",),
        build=lambda _, capabilities: PixelSerialEngine(capabilities),
        accepts=parameter_words,
        layout=lambda _: ImageLayout((SIZE, SIZE)),
        loadable=True,
        classes=CLASSES,
    ),
)
