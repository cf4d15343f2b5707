"""A stage for each matrix of a ResMLP network, all of them at work on images of their own.

sink        +--------+   +--------+  +------+     +-------------+  +--------+
--/-------->| Pixels |-->| Matrix |->| Post |---->| ImageMemory |->| Reader |--> ..      of the next branch
  8 (bytes) +--------+   +--------+  +------+     | two images  |  +--------+
                                                  +-------------+
                            +------------------ Ring -------------------+
    +-------------+  +--------+ |  +------+  +--------+  +------+  +------+ | +--------+  +------+
 .. | ImageMemory |->| Reader |-+->| Link |->| Matrix |->| Post |->| Link |-+>| Matrix |->| Post |--> ..
    +-------------+  +--------+    +------+  +--------+  +------+  +------+   +--------+  +------+

The last stage's values enter the Head, whose source is the pipeline's.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from litex.gen import LiteXModule
from migen import Signal

from gateware.cores.delay import delayed, keep_register
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.head import Head
from gateware.engines.resmlp_streaming.image_memory import ImageMemory, Reader, Ring
from gateware.engines.resmlp_streaming.link import Link
from gateware.engines.resmlp_streaming.matrix import Matrix
from gateware.engines.resmlp_streaming.pixels import Pixels
from gateware.engines.resmlp_streaming.post import Post
from gateware.engines.resmlp_streaming.stages import Branch, Stage
from lst_overlay.network.resmlp import ResMLPNetwork


def ring_groups(branch: Branch) -> int:
    """Groups between the reader of a branch and its last stage: one in each buffer, and one under way."""
    return 1 + 2 * len(branch.stages)


class Pipeline(LiteXModule):
    """Classify images whose pixels arrive with any pauses.

    sink:   word (8 bits), bytes of pixels.
    source: word (32 bits), the logits and then the class with ``last``; no back-pressure.
    has_credit: the results of one more image have room. started: high for one clock when one is admitted.
    starved, blocked: as `Engine` says.
    taps:   for tests, by the number of a layer, where its output can be seen: (valid, token, channel), and the
            value ``latency`` clocks later. Token and channel are each an index with its ``inner``.
    """

    def __init__(self, network: ResMLPNetwork, branches: Sequence[Branch], folds: Sequence[Tuple[Fold, ...]]):
        self.has_credit = Signal()
        self.started = Signal()
        self.starved = Signal()
        self.blocked = Signal()
        self.taps = {}

        # # #

        patches = network.image_shape[1] // network.patch
        last = branches[-1].stages[-1].item
        self.head = head = Head(network, folds[-1][-1], (last.add or last.affine or last.matrix).bits)
        self.source = head.source
        memories = self._memories(branches, folds)
        posts: List[Post] = []
        for number, (branch, branch_folds) in enumerate(zip(branches, folds)):
            destination = memories[number] if number < len(memories) else head
            posts = []
            matrices = self._matrices(number, branch, branch_folds, patches)
            for place, (stage, fold, matrix) in enumerate(zip(branch.stages, branch_folds, matrices)):
                post = Post(matrix, stage, fold)
                setattr(self.submodules, f"post{number}_{place}", post)
                self.comb += matrix.source.connect(post.sink)
                if place:
                    self._link(
                        stage,
                        fold,
                        matrix,
                        f"link{number}_{place}",
                        posts[-1].source,
                        matrices[place - 1],
                        branch_folds[place - 1].outputs,
                    )
                self._tap_steps(stage, fold, post)
                posts.append(post)
            self.comb += [
                matrices[-1].has_room.eq(destination.room.available),
                destination.room.take.eq(matrices[-1].begun),
                posts[-1].source.connect(destination.sink, omit={"lane", "group_ends"}),
            ]
            if number == 0:
                self._first(network, branch_folds[0], matrices[0], patches)
            else:
                self._begin(number, branch, branch_folds, memories[number - 1], matrices[0], posts[-1])

    def _memories(self, branches, folds) -> List[ImageMemory]:
        found = []
        for number, (branch, following) in enumerate(zip(branches, branches[1:])):
            reader = following.stages[0]
            memory = ImageMemory(
                branch.stages[-1], folds[number][-1], reader, folds[number + 1][0].vectors, reader.input_bits
            )
            setattr(self.submodules, f"memory{number}", memory)
            found.append(memory)
        return found

    def _matrices(self, number: int, branch: Branch, folds, patches: int) -> List[Matrix]:
        found = []
        for place, (stage, fold) in enumerate(zip(branch.stages, folds)):
            groups = patches // fold.vectors if number == place == 0 else 1
            early = place > 0 and fold.clocks <= folds[place - 1].clocks
            matrix = Matrix(stage, fold, groups, by_image=place == len(folds) - 1, early=early)
            setattr(self.submodules, f"matrix{number}_{place}", matrix)
            found.append(matrix)
        return found

    def _first(self, network: ResMLPNetwork, fold: Fold, matrix: Matrix, patches: int) -> None:
        """The pixels in front of the first matrix, which admits images."""
        self.pixels = pixels = Pixels(network, fold, matrix)
        self.pixel_room = room = Stock(2, filled=True)
        self.sink = pixels.sink
        self.comb += [
            pixels.source.connect(matrix.write),
            matrix.filled.eq(pixels.block_ends),
            room.take.eq(pixels.begun),
            room.put.eq(matrix.emptied),
            pixels.has_room.eq(room.available),
            matrix.admitted.eq(self.has_credit),
            self.started.eq(matrix.admits),
            self.starved.eq(matrix.waits),
            self.blocked.eq(matrix.refused),
        ]

    def _begin(
        self, number: int, branch: Branch, folds, memory: ImageMemory, matrix: Matrix, post: Post
    ) -> None:
        """The reader in front of a branch, and the ring to its last stage."""
        stage, fold = branch.stages[0], folds[0]
        reader = Reader(stage, fold, memory)
        room = Stock(2, filled=True)
        setattr(self.submodules, f"reader{number}", reader)
        setattr(self.submodules, f"room{number}", room)
        self._link(stage, fold, matrix, f"link{number}_0", reader.source, None, stage.fan_in)
        self.comb += [
            room.take.eq(reader.begun),
            room.put.eq(matrix.emptied),
        ]
        if not branch.adds:
            self.comb += reader.has_room.eq(room.available)
            return
        ring = Ring(branch.stages[-1], folds[-1], ring_groups(branch), stage.input_bits)
        setattr(self.submodules, f"ring{number}", ring)
        early = post.residual_latency - ring.latency
        output = delayed(self, post.sink.output, early, name="residual_output")
        keep_register(output)
        self.comb += [
            reader.has_room.eq(room.available & ring.room.available),
            ring.room.take.eq(reader.begun),
            ring.sink.valid.eq(reader.source.valid),
            ring.sink.x.eq(reader.source.x),
            ring.read.valid.eq(delayed(self, post.sink.valid, early, name="residual", reset_less=False)),
            ring.read.output.eq(output),
            ring.read.lane.eq(delayed(self, post.sink.lane, early, name="residual_lane")),
            ring.read.group_ends.eq(delayed(self, post.sink.group_ends, early, name="residual_ends")),
            post.residual.eq(ring.value),
        ]

    def _link(
        self,
        stage: Stage,
        fold: Fold,
        matrix: Matrix,
        name: str,
        source,
        before: Optional[Matrix],
        inner: int,
    ) -> None:
        """Codes for a matrix from a reader, or from the matrix ``before`` it. inner: of the elements' index."""
        link = Link(stage, fold, matrix, inner)
        setattr(self.submodules, name, link)
        self.comb += [
            link.sink.valid.eq(source.valid),
            link.sink.x.eq(source.x if before is None else source.y),
            link.sink.element.eq(source.element if before is None else source.output),
            link.sink.lane.eq(source.lane),
            link.sink.vector.eq(source.vector),
            link.sink.group_ends.eq(source.group_ends),
        ]
        if stage.function is not None:
            element, vector = (link.sink.element, inner), (link.sink.vector, fold.vectors)
            self._tap(stage.item.number - 1, stage, link.sink.valid, element, vector, link.code, link.latency)
        if before is not None:
            room = Stock(2, filled=True)
            setattr(self.submodules, f"room_{name}", room)
            self.comb += [
                before.has_room.eq(room.available),
                room.take.eq(before.begun),
                room.put.eq(matrix.emptied),
            ]

    def _tap_steps(self, stage: Stage, fold: Fold, post: Post) -> None:
        item = stage.item
        output, vector = (post.sink.output, fold.outputs), (post.sink.vector, fold.vectors)
        steps = [("matrix", item.matrix), ("affine", item.affine), ("add", item.add)]
        for place, step in enumerate(step for step, layer in steps if layer is not None):
            self._tap(item.number + place, stage, post.sink.valid, output, vector, *post.probes[step])

    def _tap(self, layer: int, stage: Stage, valid, element, vector, value: Signal, latency: int) -> None:
        token, channel = (element, vector) if stage.over_tokens else (vector, element)
        self.taps[layer] = (valid, token, channel), value, latency
