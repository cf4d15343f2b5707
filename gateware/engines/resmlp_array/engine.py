"""The engine resmlp_array: a loadable ResMLP network for CIFAR-10."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import If, Signal

from gateware.cores.unpacker import Unpacker
from gateware.engines.core import CoreEngine, EngineCore
from gateware.engines.engine import EngineSpec
from gateware.engines.parameter_loader import ParameterLoader
from gateware.engines.resmlp_array.pipeline import Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network.resmlp import FAMILY
from lst_overlay.network.resmlp.array_format import ARRAY, CLASSES, LAYOUT_MAGIC, ArrayFormat

RESULT_WORDS = 64
CREDITS = 5  # 11 result words each


class CreditAdmission(LiteXModule):
    """Pass bytes on to a pipeline that counts its images itself, and lend it credits.

    source:   word (8 bits).
    started:  the pipeline begins an image, and takes a credit.
    returned: the results of an image have left.
    has_credit: at least one is left.
    """

    def __init__(self, credits: int):
        self.words = words = Unpacker(64, 8)
        self.sinks = [words.sink]
        self.source = words.source
        self.start = Signal()
        self.started = Signal()
        self.returned = Signal()
        self.has_credit = Signal()
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        left = Signal(max=credits + 1, reset=credits)
        self.sync += [
            If(self.started & ~self.returned, left.eq(left - 1)),
            If(self.returned & ~self.started, left.eq(left + 1)),
            self.has_credit.eq(left != 0),
        ]


class ResMLPArrayEngine(CoreEngine):
    """A loadable ResMLP engine; ``parameters`` is a `ParameterLoader`."""

    def __init__(self, capabilities: Capabilities, fmt: ArrayFormat):
        self.parameter_bytes = fmt.parameter_bytes
        pipeline, admission = Pipeline(fmt), CreditAdmission(CREDITS)
        loader = ParameterLoader(LAYOUT_MAGIC, fmt.sections, {"mean_shift": 4, "channels": 7})
        super().__init__(capabilities, EngineCore(admission, pipeline, RESULT_WORDS), loader)

        # # #

        self.comb += [
            loader.flush.eq(self.flush),
            pipeline.mean_shift.eq(loader.fields["mean_shift"]),
            pipeline.channels.eq(loader.fields["channels"]),
            pipeline.has_credit.eq(admission.has_credit),
            admission.started.eq(pipeline.started),
            admission.starved.eq(pipeline.starved),
            admission.blocked.eq(pipeline.blocked),
        ]
        self.comb += loader.writes(pipeline.loads)


SPECS = (
    EngineSpec(
        number=4,
        name="resmlp_array",
        idea="64 multipliers, four products in each, any ResMLP network for CIFAR-10",
        chosen_for="pictures in colour",
        divisors=(6, 1),
        cycles_per_image=26_180,
        network="resmlp_lerp_psa_h1_w5a6",
        measured_with=("resmlp_lerp_psa_h1_w5a6",),
        build=lambda _, capabilities: ResMLPArrayEngine(capabilities, ARRAY),
        accepts=FAMILY.parameters,
        layout=lambda _: ImageLayout(ARRAY.image_shape),
        family=FAMILY.name,
        loadable=True,
        classes=CLASSES,
    ),
)
