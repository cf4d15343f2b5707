"""The stages of a branch, one behind the other, from the values of an image to those of the next branch.

            +----------------------------- Ring -----------------------------+
+--------+  |  +------+  +--------+  +------+  +------+  +--------+  +------+ |
| Reader |--+->| Link |->| Matrix |->| Post |->| Link |->| Matrix |->| Post |<+
+--------+     +------+  +--------+  +------+  +------+  +--------+  +------+---> source

The first branch has neither reader nor ring: the pixels are its codes.
"""

from __future__ import annotations

from typing import Optional, Tuple

from litex.gen import LiteXModule
from migen import Signal

from gateware.cores.delay import delayed
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.image_memory import ImageMemory, Reader, Ring
from gateware.engines.resmlp_streaming.link import Link
from gateware.engines.resmlp_streaming.matrix import Matrix
from gateware.engines.resmlp_streaming.post import Post
from gateware.engines.resmlp_streaming.stages import Branch, Stage


def ring_groups(stages: int) -> int:
    """Groups between the reader and the last stage: one that is read, and one in each matrix."""
    return 1 + stages


def tiles_early(before: Fold, fold: Fold) -> int:
    """Tiles that a matrix may still have to read when the one before it begins to overwrite their codes.

    Its first code is written a tile and some clocks after it begins; the codes of further outputs follow at
    most one per clock, in the order in which the last tile reads those that they replace.
    """
    return 1 + (before.clocks + _FIRST_RESULT) // fold.clocks


# Clocks from the last step of a tile until its first result is written: fewer than there are.
_FIRST_RESULT = 16


class BranchPipeline(LiteXModule):
    """A branch that begins at ``memory``, if there is one; a block of its first matrix has ``groups`` groups.

    first:    the first `Matrix`; without a memory, somebody else writes its codes.
    has_room: the values of one more image have room; begun: high for one clock when they are under way.
    source:   of the last `Post`.
    taps:     as `Pipeline` says.
    """

    def __init__(self, branch: Branch, folds: Tuple[Fold, ...], memory: Optional[ImageMemory], groups: int):
        self.taps = {}

        # # #

        matrices, posts = [], []
        for place, (stage, fold) in enumerate(zip(branch.stages, folds)):
            early = tiles_early(folds[place - 1], fold) if place else 0
            is_last = place == len(folds) - 1
            matrix = Matrix(stage, fold, groups if place == 0 else 1, by_image=is_last, early=early)
            post = Post(matrix, stage, fold)
            setattr(self, f"matrix{place}", matrix)
            setattr(self, f"post{place}", post)
            self.comb += matrix.source.connect(post.sink)
            if place:
                before = posts[-1].source
                link = self._link(place, stage, fold, matrix, before, folds[place - 1].outputs)
                self.comb += [link.sink.x.eq(before.y), link.sink.element.eq(before.output)]
                self._lend(f"room{place}", matrix, matrices[-1].begun, matrices[-1].has_room)
            self._tap_steps(stage, fold, post)
            matrices.append(matrix)
            posts.append(post)
        self.first = matrices[0]
        self.has_room, self.begun, self.source = matrices[-1].has_room, matrices[-1].begun, posts[-1].source
        if memory is not None:
            self._read(branch, folds, memory, posts[-1])

    def _read(self, branch: Branch, folds, memory: ImageMemory, post: Post) -> None:
        """Add the reader, and the ring to the last stage."""
        stage, fold = branch.stages[0], folds[0]
        self.reader = reader = Reader(stage, fold, memory)
        link = self._link(0, stage, fold, self.first, reader.source, stage.fan_in)
        self.comb += [link.sink.x.eq(reader.source.x), link.sink.element.eq(reader.source.element)]
        has_block = Signal()
        self._lend("room0", self.first, reader.begun, has_block)
        if not branch.adds:
            self.comb += reader.has_room.eq(has_block)
            return
        self.ring = ring = Ring(branch.stages[-1], folds[-1], ring_groups(len(folds)), stage.input_bits)
        early = post.residual_latency - ring.latency
        output = delayed(self, post.sink.output, early - 1, name="residual_output")
        # With a reset it cannot become a shift register, whose output would be late.
        output = delayed(self, output, 1, name="last_residual_output", reset_less=False)
        self.comb += [
            reader.has_room.eq(has_block & ring.room.available),
            ring.room.take.eq(reader.begun),
            ring.sink.valid.eq(reader.source.valid),
            ring.sink.x.eq(reader.source.x),
            ring.read.valid.eq(delayed(self, post.sink.valid, early, name="residual", reset_less=False)),
            ring.read.output.eq(output),
            ring.read.lane.eq(delayed(self, post.sink.lane, early, name="residual_lane")),
            ring.read.group_ends.eq(delayed(self, post.sink.group_ends, early, name="residual_ends")),
            post.residual.eq(ring.value),
        ]

    def _link(self, place: int, stage: Stage, fold: Fold, matrix: Matrix, source, inner: int) -> Link:
        """Add the way of values to a matrix. inner: of the index of their elements."""
        link = Link(stage, fold, matrix, inner)
        setattr(self, f"link{place}", link)
        self.comb += [
            link.sink.valid.eq(source.valid),
            link.sink.lane.eq(source.lane),
            link.sink.vector.eq(source.vector),
            link.sink.group_ends.eq(source.group_ends),
        ]
        if stage.function is not None:
            element, vector = (link.sink.element, inner), (link.sink.vector, fold.vectors)
            self._tap(stage.item.number - 1, stage, link.sink.valid, element, vector, link.code, link.latency)
        return link

    def _lend(self, name: str, matrix: Matrix, take: Signal, available: Signal) -> None:
        """Count the blocks of a matrix that may be written."""
        room = Stock(2, filled=True)
        setattr(self, name, room)
        self.comb += [room.take.eq(take), room.put.eq(matrix.emptied), available.eq(room.available)]

    def _tap_steps(self, stage: Stage, fold: Fold, post: Post) -> None:
        item = stage.item
        output, vector = (post.sink.output, fold.outputs), (post.sink.vector, fold.vectors)
        steps = [("matrix", item.matrix), ("affine", item.affine), ("add", item.add)]
        for place, step in enumerate(step for step, layer in steps if layer is not None):
            self._tap(item.number + place, stage, post.sink.valid, output, vector, *post.probes[step])

    def _tap(self, layer: int, stage: Stage, valid, element, vector, value: Signal, latency: int) -> None:
        token, channel = (element, vector) if stage.over_tokens else (vector, element)
        self.taps[layer] = (valid, token, channel), value, latency
