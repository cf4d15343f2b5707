"""The pixel-serial engine: any loadable LST network, one pixel per clock."""

from __future__ import annotations

from migen import Cat, Constant, Signal

from gateware.engines.admission import CreditAdmission
from gateware.engines.core import CoreEngine, EngineCore
from gateware.engines.engine import EngineSpec
from gateware.engines.parameter_loader import ParameterLoader
from gateware.engines.pixel_serial.pipeline import GLOBALS, Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network
from lst_overlay.network.lst.parameters import PARAMETER_BYTES, parameter_words
from lst_overlay.network.lst.passes import program, vector_clocks
from lst_overlay.network.lst.serial_format import (
    BLOCK,
    CLASSES,
    FIELDS,
    LAYOUT_MAGIC,
    MAX_LENGTHS,
    SIDES,
    sections,
)

# Two images are in the arrays, the logits of a third leave them; one more may enter, and the results of one
# may wait. Each has up to 33 result words.
CREDITS = 5
RESULT_WORDS = 256
TABLES = {"rows_table": "rows_blocks", "columns_table": "columns_blocks"}


class PixelSerialEngine(CoreEngine):
    """A loadable LST engine; ``parameters`` is a `ParameterLoader`, whose sink takes beats of 64 bits."""

    parameter_bytes = PARAMETER_BYTES

    def __init__(self, capabilities: Capabilities):
        pipeline, admission = Pipeline(), CreditAdmission(CREDITS)
        lengths = {name: name for name in MAX_LENGTHS if not name.endswith(("blocks", "words"))}
        lengths.update(TABLES, classifier_weights="class_words")
        words = {f"fields{number}": sum(w for _, w in layout) for number, layout in enumerate(FIELDS)}
        loader = ParameterLoader(LAYOUT_MAGIC, sections(MAX_LENGTHS), words, lengths)
        core = EngineCore(admission, pipeline, RESULT_WORDS, block_ram=True)
        super().__init__(capabilities, core, loader)
        self.image_beats, self.values = Signal(8), Signal(6)

        # # #

        fields = {}
        for word, layout in zip(loader.fields.values(), FIELDS):
            place = 0
            for name, width in layout:
                fields[name] = word[place : place + width]
                place += width
        self.comb += [
            loader.flush.eq(self.flush),
            pipeline.enable.eq(loader.loaded),
            pipeline.has_credit.eq(admission.has_credit),
            admission.started.eq(pipeline.started),
            admission.starved.eq(pipeline.starved),
            admission.blocked.eq(pipeline.blocked),
            *[getattr(pipeline, name).eq(fields[name]) for name in GLOBALS],
            self.image_beats.eq(fields["image_beats"]),
        ]
        self.sync += self.values.eq(fields["last_class"] + 1)
        for section, field in lengths.items():
            # The length of a table counts blocks.
            last = Cat(Constant(BLOCK - 1), fields[field]) if section in TABLES else fields[field]
            self.comb += loader.last_addresses[section].eq(last)
        self.comb += loader.writes(pipeline.loads)


def cycles(network: Network) -> int:
    """Return the clocks that an image takes the array that works longer on it."""
    passes = program(network).passes.values()
    return max(
        sum(item.vectors * vector_clocks(network.layers[item.layer]) for item in items) for items in passes
    )


SPECS = (
    EngineSpec(
        number=0,
        name="pixel_serial",
        idea="one pixel per clock, any LST network: its layers one after the other on two arrays",
        chosen_for="networks that change at run time",
        divisors=(5, 1),
        cycles_per_image=28 * 28,
        cycles=cycles,
        network="lst1_w6a4p4",
        measured_with=("lst1_w6a4p4", "lst2_w6a4p4", "reslst3_w6a4p4"),
        build=lambda _, capabilities: PixelSerialEngine(capabilities),
        accepts=parameter_words,
        layout=lambda _: ImageLayout((SIDES[1], SIDES[1]), padded=True),
        loadable=True,
        classes=CLASSES,
        by_network=True,
    ),
)
