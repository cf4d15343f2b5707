"""The engine resmlp_streaming: a ResMLP network built in, a stage for each matrix, folded to a part."""

from __future__ import annotations

from typing import List, Tuple

from gateware.engines.admission import CreditAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.resmlp_streaming.cost import cost, fold_for
from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.pipeline import Pipeline
from gateware.engines.resmlp_streaming.stages import branches
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network.resmlp import FAMILY, ResMLPNetwork

# Room for the results of all images under way: up to two in each memory between branches.
RESULT_WORDS = 256
PART = "xc7z010"


class ResMLPStreamingEngine(CoreEngine):
    """A network built in; folds: of its branches' stages."""

    def __init__(self, network: ResMLPNetwork, capabilities: Capabilities, folds: List[Tuple[Fold, ...]]):
        pipeline = Pipeline(network, branches(network), folds)
        admission = CreditAdmission((RESULT_WORDS - 3) // (network.classes + 1))
        core = EngineCore(admission, pipeline, RESULT_WORDS, block_ram=True)
        super().__init__(capabilities, core, FixedParameters(network))

        # # #

        self.comb += [
            pipeline.has_credit.eq(admission.has_credit),
            admission.started.eq(pipeline.started),
            admission.starved.eq(pipeline.starved),
            admission.blocked.eq(pipeline.blocked),
        ]


def _cycles(network: ResMLPNetwork) -> int:
    return cost(network, branches(network), fold_for(network, PART)).interval


SPECS = (
    EngineSpec(
        number=7,
        name="resmlp_streaming",
        idea="a stage for each matrix of a ResMLP network, folded to what the part holds",
        chosen_for="pictures in colour, one network, most of them a second",
        divisors=(5, 1),
        cycles_per_image=24_576,
        cycles=_cycles,
        network="resmlp_lerp_psa_h1_w5a6",
        measured_with=("resmlp_lerp_psa_h1_w5a6",),
        build=lambda network, capabilities: ResMLPStreamingEngine(
            network, capabilities, fold_for(network, PART)
        ),
        accepts=lambda network: fold_for(network, PART),
        layout=uint8_layout(),
        family=FAMILY.name,
        part=PART,
    ),
)
