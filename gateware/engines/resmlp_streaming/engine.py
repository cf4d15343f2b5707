"""The engines resmlp_streaming: a ResMLP network built in, a stage for each of its matrices."""

from __future__ import annotations

from gateware.engines.admission import CreditAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from gateware.engines.engine import uint8_layout
from gateware.engines.resmlp_streaming.folding import fold
from gateware.engines.resmlp_streaming.pipeline import Pipeline
from gateware.engines.resmlp_streaming.stages import branches
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.results import ResultRecord
from lst_overlay.network.resmlp import ResMLPNetwork

RESULT_WORDS = 256


class ResMLPStreamingEngine(CoreEngine):
    """A network built in, folded so that an image takes at most ``interval`` clocks."""

    def __init__(self, network: ResMLPNetwork, capabilities: Capabilities, interval: int):
        found = branches(network)
        folds = fold(found, interval, network.image_shape[1] // network.patch)
        pipeline = Pipeline(network, found, folds)
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


def make_engine(network: ResMLPNetwork, interval: int) -> ResMLPStreamingEngine:
    record = ResultRecord(network.classes, network.classes)
    return ResMLPStreamingEngine(
        network, Capabilities(7, False, uint8_layout()(network), record, False), interval
    )


SPECS = ()
