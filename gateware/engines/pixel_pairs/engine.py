"""The pixel-pairs engine: a built-in LST network, two pixels per clock, two weights per multiplier."""

from __future__ import annotations

from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.pixel_pairs.classifier import LANES
from gateware.engines.pixel_pairs.limits import check
from gateware.engines.pixel_pairs.pipeline import Pipeline
from gateware.engines.square_engine import SquareEngine, side
from lst_overlay.network import Network


class PixelPairsEngine(SquareEngine):
    """A built-in network of any number of pairs of layers, with two weights per multiplier."""

    make_pipeline, lanes = Pipeline, LANES
    # Up to three images are in the stages, the logits of one leave them, and the results of one may wait.
    credits = 5


def cycles(network: Network) -> int:
    """Return the clocks that an image takes the rows stage, in all its rounds."""
    return len(network.layers) // 2 * side(network) ** 2 // LANES


SPECS = (
    EngineSpec(
        number=3,
        name="pixel_pairs",
        idea="two pixels per clock, two weights in a multiplier",
        chosen_for="more images/s in little area",
        divisors=(5, 1),
        cycles_per_image=392,
        cycles=cycles,
        network="lst1_w6a4p4",
        measured_with=("lst1_w6a4p4", "lst2_w6a4p4", "reslst3_w6a4p4"),
        build=PixelPairsEngine,
        accepts=check,
        layout=uint8_layout(),
    ),
)
