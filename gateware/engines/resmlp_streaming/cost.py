"""What a folding costs, before anything is built: multipliers and block RAMs exactly, LUT by an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, List, Optional, Sequence, Tuple

from gateware.device import CAPACITY
from gateware.engines.resmlp_streaming.branch import ring_groups
from gateware.engines.resmlp_streaming.folding import (
    Fold,
    fold,
    interval_of,
    intervals,
    multipliers_of,
    reading_of,
    shares_multiplier,
    weight_blocks,
)
from gateware.engines.resmlp_streaming.function import BLOCK
from gateware.engines.resmlp_streaming.head import HEAD_LATENCY
from gateware.engines.resmlp_streaming.image_memory import RING_IN_LUTS
from gateware.engines.resmlp_streaming.pixels import ROW_PAUSE
from gateware.engines.resmlp_streaming.stages import Branch, Stage, branches
from lst_overlay.network import NetworkError
from lst_overlay.network.resmlp import Affine, ResMLPNetwork, Table

# The most of a part that a folding may take. Nothing was routed: with so many LUT that may not succeed.
MOST = {"dsp48e1": 1.0, "ramb18": 118 / 120, "lut": 0.9}
_HEAD_BLOCKS, _RESULT_BLOCKS = 3, 1
# Fitted to syntheses of the top.
_LUT_PER_SUM_BIT = 1.47  # of an accumulator, with the multiplexer of the captured sums
_LUT_PER_CODE_BIT = 1.6  # of a code buffer, for each 64 codes
_LUT_PER_STAGE = 490
_OTHER_LUT = 2_000  # head, pixels and shell


@dataclass(frozen=True)
class Cost:
    """interval: clocks of an image. The others: of the part."""

    interval: int
    dsp48e1: int
    ramb18: int
    lut: int

    def __str__(self) -> str:
        return (
            f"{self.interval:,} clocks an image, {self.dsp48e1} DSP48E1, {self.ramb18} RAMB18, "
            f"about {self.lut:,} LUT"
        )


def patches_of(network: ResMLPNetwork) -> int:
    """Of a row of the image."""
    return network.image_shape[1] // network.patch


def cost(network: ResMLPNetwork, found: Sequence[Branch], folds: Sequence[Tuple[Fold, ...]]) -> Cost:
    dsps = blocks = lut = 0
    # A byte of pixels arrives in a clock, and the head takes a channel of a class.
    pixels = math.prod(network.image_shape) + network.image_shape[0] // network.patch * ROW_PAUSE
    interval = max(pixels, network.layers[-1].weights_q.size + HEAD_LATENCY)
    for number, (branch, own) in enumerate(zip(found, folds)):
        for place, (stage, item) in enumerate(zip(branch.stages, own)):
            groups = patches_of(network) // item.vectors if number == place == 0 else 1
            reading = reading_of(stage, item) if number and place == 0 else 0
            interval = max(interval, interval_of(stage, item), reading)
            dsps += multipliers_of(stage, item) + _products(stage, item)
            blocks += weight_blocks(stage, item) + _table_blocks(stage)
            lut += _lut(stage, item, groups)
        first, last = branch.stages[0], branch.stages[-1]
        if number:
            blocks += -(-2 * first.vectors * first.fan_in // BLOCK)
        if branch.adds:
            ring = ring_groups(len(own)) * own[-1].vectors * last.outputs
            blocks += 0 if ring <= RING_IN_LUTS else -(-ring // BLOCK)
    return Cost(interval, dsps, blocks + _HEAD_BLOCKS + _RESULT_BLOCKS, round(lut + _OTHER_LUT))


def _products(stage: Stage, item: Fold) -> int:
    """Multipliers of functions, affines and residual branches."""
    steps = [isinstance(stage.function, Affine), stage.item.affine is not None, stage.item.add is not None]
    return sum(steps) - shares_multiplier(stage, item)


def _table_blocks(stage: Stage) -> int:
    return -(-stage.function.table_q.size // BLOCK) if isinstance(stage.function, Table) else 0


def _lut(stage: Stage, item: Fold, groups: int) -> float:
    sums = item.parts * item.results * stage.sum_bits
    codes = item.parts * item.vectors * stage.code_bits * -(-2 * groups * item.clocks // 64)
    return _LUT_PER_SUM_BIT * sums + _LUT_PER_CODE_BIT * codes + _LUT_PER_STAGE


@lru_cache(maxsize=None)
def fold_for(network: ResMLPNetwork, part: str) -> List[Tuple[Fold, ...]]:
    """The folds with the shortest interval that fits the part, a key of `CAPACITY`.

    Raises NetworkError, with resource, need and limit, if none does.
    """
    found, patches, capacity = branches(network), patches_of(network), CAPACITY[part]
    products = sum(stage.products / stage.packing.products for branch in found for stage in branch.stages)
    nearest = 0.0, "no folding exists"
    for interval in intervals(found, patches):
        if interval < products / capacity["dsp48e1"]:
            continue
        try:
            folds = fold(found, interval, patches)
        except NetworkError:
            continue
        over = _over(cost(network, found, folds), capacity)
        if over is None:
            return folds
        nearest = min(nearest, over) if nearest[0] else over
    raise NetworkError(
        f"network {network.name!r} does not fit the {part.upper()}: {nearest[1]}; choose "
        "fewer channels or bits, or the engine resmlp_array"
    )


def _over(needed: Cost, capacity: Dict[str, int]) -> Optional[Tuple[float, str]]:
    """The resource of which most is missing: need over limit, and a text. None if nothing is missing."""
    shares = []
    for resource, share in MOST.items():
        count, most = getattr(needed, resource), int(share * capacity[resource])
        text = f"{needed} are needed, of {resource.upper()} {most:,} can be used"
        shares.append((count / most, text))
    worst = max(shares)
    return worst if worst[0] > 1 else None
