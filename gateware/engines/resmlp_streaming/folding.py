"""How many multipliers each stage gets: as few as keep an interval between images.

A stage multiplies in tiles: ``outputs`` rows of its matrix with ``vectors`` vectors, each sum in ``parts``
parts at once. A tile lasts fan_in / parts clocks, and has at most as many sums, as they leave one per clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple

from gateware.cores.constants import blocks_of
from gateware.engines.resmlp_streaming.stages import Branch, Stage
from lst_overlay.network import NetworkError

REPEAT = 4  # clocks from one result of an output to its next one: the head needs as many


@dataclass(frozen=True)
class Fold:
    """outputs, vectors: of a tile. parts: of each sum. clocks: of a tile."""

    outputs: int
    vectors: int
    parts: int
    clocks: int

    @property
    def results(self) -> int:
        """Of a tile."""
        return self.outputs * self.vectors

    @property
    def pause(self) -> int:
        """Clocks from one result of a tile to the next."""
        return self.clocks // self.results


def index_bits(count: int, inner: int) -> Tuple[int, int]:
    """Bits of the two counters that number ``count`` things, ``inner`` of them at a time: inner and outer."""
    return (inner - 1).bit_length(), (count // inner - 1).bit_length()


def by_index(values: Sequence[int], inner: int) -> List[int]:
    """The values as a memory has them whose address is the inner counter and, above it, the outer one."""
    padding = [0] * ((1 << (inner - 1).bit_length()) - inner)
    words = []
    for first in range(0, len(values), inner):
        words += [*values[first : first + inner], *padding]
    return words[: len(words) - len(padding)]


def folds_of(stage: Stage, vectors: int) -> Iterator[Fold]:
    """The folds with ``vectors`` vectors in a tile."""
    for outputs in _divisors(stage.outputs, 2):
        for parts in _divisors(stage.fan_in, 1):
            fold = Fold(outputs, vectors, parts, stage.fan_in // parts)
            if fold.results <= fold.clocks and (not stage.item.is_last or outputs * fold.pause >= REPEAT):
                yield fold


def interval_of(stage: Stage, fold: Fold) -> int:
    """The clocks in which the stage computes an image."""
    return fold.clocks * (stage.outputs // fold.outputs) * (stage.vectors // fold.vectors)


def reading_of(stage: Stage, fold: Fold) -> int:
    """The clocks that reading an image takes at most: a value per clock, and some between groups.

    A stage that computes as fast waits for what it reads, so the interval is at least a sixth longer.
    """
    groups = stage.vectors // fold.vectors
    return groups * (stage.fan_in * fold.vectors + 32) * 7 // 6


def multipliers_of(stage: Stage, fold: Fold) -> int:
    return fold.parts * fold.results // stage.packing.products


def shares_multiplier(stage: Stage, fold: Fold) -> bool:
    """Affine and residual branch take turns: results are two clocks apart or more, and both clip alike."""
    affine, add = stage.item.affine, stage.item.add
    return affine is not None and add is not None and affine.bits == add.bits and fold.pause > 1


def weight_blocks(stage: Stage, fold: Fold) -> int:
    """RAMB18 of the stage's weights."""
    return blocks_of(
        fold.clocks * stage.outputs // fold.outputs, fold.parts * fold.outputs * stage.matrix.weight_bits
    )


def fold(branches: Sequence[Branch], interval: int, patches: int) -> List[Tuple[Fold, ...]]:
    """The folds of each branch's stages with the fewest multipliers, then block RAMs, then parts.

    patches: of a row of the image: the first stage takes as many tokens at a time.

    Raises NetworkError, with stage and limit, if a stage cannot compute an image in ``interval`` clocks.
    """
    return [
        _fold_branch(branch, interval, patches if number == 0 else branch.vectors, number > 0)
        for number, branch in enumerate(branches)
    ]


def intervals(branches: Sequence[Branch], patches: int) -> List[int]:
    """All intervals that a stage can have, the shortest first."""
    found = set()
    for number, branch in enumerate(branches):
        for stage in branch.stages:
            for vectors in _vectors(branch, patches if number == 0 else branch.vectors):
                found.update(interval_of(stage, item) for item in folds_of(stage, vectors))
    return sorted(found)


def _fold_branch(branch: Branch, interval: int, tokens: int, is_read: bool) -> Tuple[Fold, ...]:
    best = None
    for vectors in _vectors(branch, tokens):
        chosen, cost = [], [0, 0, 0]
        for place, stage in enumerate(branch.stages):
            reads = is_read and place == 0
            fitting = [
                ((multipliers_of(stage, item), weight_blocks(stage, item), item.parts), item)
                for item in folds_of(stage, vectors)
                if interval_of(stage, item) <= interval and not (reads and reading_of(stage, item) > interval)
            ]
            if not fitting:
                break
            own, item = min(fitting, key=lambda pair: pair[0])
            chosen.append(item)
            cost = [a + b for a, b in zip(cost, own)]
        else:
            if best is None or (cost, vectors) < best[:2]:
                best = cost, vectors, tuple(chosen)
    if best is None:
        numbers = " and ".join(str(stage.item.number) for stage in branch.stages)
        raise NetworkError(
            f"no folding computes layer {numbers} in {interval:,} clocks an image: choose more, or a network "
            "whose layers have even numbers of outputs with more divisors"
        )
    return best[2]


def _vectors(branch: Branch, tokens: int) -> List[int]:
    """The numbers of vectors that a tile of the branch can have."""
    lanes = max(stage.packing.column_lanes for stage in branch.stages)
    return _divisors(tokens, lanes)


def _divisors(number: int, of: int) -> List[int]:
    """The divisors of ``number`` that are multiples of ``of``."""
    return [value for value in range(of, number + 1, of) if number % value == 0]
