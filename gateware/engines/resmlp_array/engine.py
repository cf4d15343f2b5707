"""The engines resmlp_array, resmlp_array_int8, resmlp_array_h2: loadable ResMLP networks for CIFAR-10."""

from __future__ import annotations

from functools import partial

from gateware.engines.admission import CreditAdmission
from gateware.engines.core import CoreEngine, EngineCore
from gateware.engines.engine import EngineSpec
from gateware.engines.parameter_loader import ParameterLoader
from gateware.engines.resmlp_array.pipeline import Pipeline
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network.resmlp import FAMILY
from lst_overlay.network.resmlp.array_format import ARRAYS, CLASSES, LAYOUT_MAGIC, ArrayFormat

RESULT_WORDS = 64
CREDITS = 5  # 11 result words each


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


def _spec(
    number: int, name: str, idea: str, chosen_for: str, cycles_per_image: int, network: str
) -> EngineSpec:
    """The declaration of an array of the format `ARRAYS` [name]."""
    fmt = ARRAYS[name]
    return EngineSpec(
        number=number,
        name=name,
        idea=idea,
        chosen_for=chosen_for,
        divisors=(5, 1),
        cycles_per_image=cycles_per_image,
        network=network,
        measured_with=(network,),
        build=lambda _, capabilities: ResMLPArrayEngine(capabilities, fmt),
        accepts=partial(FAMILY.parameters, name),
        layout=lambda _: ImageLayout(fmt.image_shape),
        family=FAMILY.name,
        loadable=True,
        classes=CLASSES,
    )


SPECS = (
    _spec(
        4,
        "resmlp_array",
        "64 multipliers, four products in each, any ResMLP network of 5-bit weights and 6-bit codes",
        "pictures in colour",
        26_180,
        "resmlp_lerp_psa_h1_w5a6",
    ),
    _spec(
        5,
        "resmlp_array_int8",
        "64 multipliers, two products in each, any ResMLP network of 8 bits for CIFAR-10",
        "pictures in colour, networks of 8 bits",
        52_292,
        "resmlp_lerp_psa_h1_int8",
    ),
    _spec(
        6,
        "resmlp_array_h2",
        "64 multipliers, four products in each, memory for weights in the place of tables",
        "pictures in colour, wide networks with ReLU",
        44_612,
        "resmlp_relu_h2_w5a6",
    ),
)
