"""A stage for each matrix of a ResMLP network, all of them at work on images of their own.

sink   +--------+  +----------+  +-------------+  +----------+           +----------+  +------+ source
--/--->| Pixels |->| Branch 0 |->| ImageMemory |->| Branch 1 |-> .. .. ->| Branch n |->| Head |--/-->
  8    +--------+  +----------+  | two images  |  +----------+           +----------+  +------+  32
                                 +-------------+
"""

from __future__ import annotations

from typing import Sequence, Tuple

from litex.gen import LiteXModule
from migen import ResetInserter, Signal

from gateware.cores.delay import keep_register
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.branch import BranchPipeline
from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.head import Head
from gateware.engines.resmlp_streaming.image_memory import ImageMemory
from gateware.engines.resmlp_streaming.pixels import Pixels
from gateware.engines.resmlp_streaming.stages import Branch
from lst_overlay.network.resmlp import ResMLPNetwork


class Pipeline(LiteXModule):
    """Classify images whose pixels arrive with any pauses.

    sink:   word (8 bits), bytes of pixels.
    source: word (32 bits), the logits and then the class with ``last``; no back-pressure.
    has_credit: the results of one more image have room. started: high for one clock when one is admitted.
    starved, blocked: as `Engine` says.
    reset:  drop every image; it is held, as every part has a register of its own for it.
    taps:   for tests, by the number of a layer, where its output can be seen: (valid, token, channel), and
            the value ``latency`` clocks later. Token and channel are each an index with its ``inner``.
    """

    def __init__(self, network: ResMLPNetwork, branches: Sequence[Branch], folds: Sequence[Tuple[Fold, ...]]):
        self.has_credit = Signal()
        self.started = Signal()
        self.reset = Signal()
        self.taps = {}

        # # #

        patches = network.image_shape[1] // network.patch
        memories = [
            self._part(
                f"memory{number}", ImageMemory(branch.stages[-1], own[-1], following.stages[0], next_[0])
            )
            for number, (branch, own, following, next_) in enumerate(
                zip(branches, folds, branches[1:], folds[1:])
            )
        ]
        head = self._part("head", Head(network, branches[-1].stages[-1], folds[-1][-1]))
        parts = []
        for number, (branch, own) in enumerate(zip(branches, folds)):
            memory = memories[number - 1] if number else None
            groups = 1 if number else patches // own[0].vectors
            part = self._part(f"branch{number}", BranchPipeline(branch, own, memory, groups))
            destination = [*memories, head][number]
            self.comb += [
                part.has_room.eq(destination.room.available),
                destination.room.take.eq(part.begun),
                part.source.connect(destination.sink, omit={"lane", "group_ends"}),
            ]
            self.taps.update(part.taps)
            parts.append(part)
        first = parts[0].first
        pixels = self._part("pixels", Pixels(network, folds[0][0], first))
        room = self._part("pixel_room", Stock(2, filled=True))
        self.sink, self.source = pixels.sink, head.source
        self.starved, self.blocked = first.waits, first.refused
        self.comb += [
            pixels.source.connect(first.write),
            first.filled.eq(pixels.block_ends),
            room.take.eq(pixels.begun),
            room.put.eq(first.emptied),
            pixels.has_room.eq(room.available),
            first.admitted.eq(self.has_credit),
            self.started.eq(first.admits),
        ]

    def _part(self, name: str, part):
        """Add a part with a register for its reset."""
        part = ResetInserter()(part)
        setattr(self, name, part)
        reset = Signal(name=f"{name}_reset")
        self.sync += reset.eq(self.reset)
        keep_register(reset)  # alike ones would become one
        self.comb += part.reset.eq(reset)
        return part
