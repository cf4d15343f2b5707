"""The folded engine: a built-in LST-1 network, rows and columns one after another on the same multipliers."""

from __future__ import annotations

from gateware.engines.engine import EngineSpec, uint8_layout
from gateware.engines.folded.pipeline import Pipeline
from gateware.engines.square_engine import SquareEngine, check_shape, padded, side
from lst_overlay.network import Network, NetworkError


class FoldedEngine(SquareEngine):
    """A built-in network of one pair of layers."""

    make_pipeline, lanes = Pipeline, 1
    credits = 2  # One image is in the multipliers and one in the classifier.


def check(network: Network) -> None:
    """Raise NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    check_shape(network, FoldedEngine.lanes)
    pairs = len(network.layers) // 2
    if pairs > 1:
        raise NetworkError(
            f"network {network.name!r} ({network.kind}) must have one pair of layers along rows and columns, "
            f"not {pairs}: pixel_pairs takes more"
        )


SPECS = (
    EngineSpec(
        number=2,
        name="folded",
        idea="rows and columns one after the other on 28 multipliers",
        chosen_for="the smallest area",
        divisors=(5, 1),
        cycles_per_image=1607,
        cycles=lambda network: Pipeline(padded(network, side(network))).interval,
        network="lst1_w6a4p4",
        measured_with=("lst1_q6.7",),
        build=FoldedEngine,
        accepts=check,
        layout=uint8_layout(),
    ),
)
