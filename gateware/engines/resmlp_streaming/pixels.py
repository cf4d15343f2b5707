"""Bytes of pixels as codes of the first stage: a row of patches is a block of its code buffer."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Signal

from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.matrix import Matrix
from lst_overlay.network.resmlp import ResMLPNetwork


class Pixels(LiteXModule):
    """sink: word (8 bits): the bytes of images, row by row, the colours of a pixel together; one per clock.

    has_room: the code buffer has room for a block; begun: high for one clock when one begins.
    source:   for `CodeBuffer.write`; block_ends: with its last code.
    """

    def __init__(self, network: ResMLPNetwork, fold: Fold, matrix: Matrix):
        self.sink = sink = stream.Endpoint([("word", 8)])
        self.source = source = stream.Endpoint(matrix.write.description)
        self.block_ends = Signal()
        self.has_room = Signal()
        self.begun = Signal()

        # # #

        _, columns, colours = network.image_shape
        patches, line = columns // network.patch, network.patch * colours  # line: bytes of a row of a patch
        clocks = fold.clocks
        value = Signal(max=max(line, 2))
        patch = Signal(max=max(patches, 2))
        row = Signal(max=max(network.patch, 2))
        lane = Signal.like(source.lane)
        part, offset = Signal.like(source.part), Signal(max=max(clocks, 2))  # of the code in its token
        line_part, line_offset = Signal.like(part), Signal.like(offset)  # of the first code of the line
        block, base = Signal(), Signal.like(source.address)  # base: of the group
        start = patches // fold.vectors * clocks  # addresses of a block
        value_ends, patch_ends, row_ends = Signal(), Signal(), Signal()
        next_part, next_offset = Signal.like(part), Signal.like(offset)
        busy = Signal()  # a block arrives
        taken = Signal()
        self.comb += [
            sink.ready.eq(busy),
            taken.eq(sink.valid & busy),
            value_ends.eq(value == line - 1),
            patch_ends.eq(value_ends & (patch == patches - 1)),
            row_ends.eq(patch_ends & (row == network.patch - 1)),
            next_part.eq(Mux(offset == clocks - 1, part + 1, part)),
            next_offset.eq(Mux(offset == clocks - 1, 0, offset + 1)),
            self.begun.eq(~busy & self.has_room),
        ]
        code = Cat(sink.word[8 - len(source.code) : 7], ~sink.word[7])
        self.sync += [
            If(self.begun, busy.eq(1)),
            source.valid.eq(taken),
            source.lane.eq(lane),
            source.part.eq(part),
            source.address.eq(base + offset),
            source.code.eq(code),
            self.block_ends.eq(taken & row_ends),
            If(
                taken,
                value.eq(value + 1),
                part.eq(next_part),
                offset.eq(next_offset),
                If(
                    value_ends,
                    value.eq(0),
                    patch.eq(patch + 1),
                    part.eq(line_part),
                    offset.eq(line_offset),
                    If(
                        lane == fold.vectors - 1,
                        lane.eq(0),
                        base.eq(base + clocks),
                    ).Else(lane.eq(lane + 1)),
                ),
                If(
                    patch_ends,
                    patch.eq(0),
                    row.eq(row + 1),
                    part.eq(next_part),
                    offset.eq(next_offset),
                    line_part.eq(next_part),
                    line_offset.eq(next_offset),
                    base.eq(Mux(block, start, 0)),
                ),
                If(
                    row_ends,
                    row.eq(0),
                    part.eq(0),
                    offset.eq(0),
                    line_part.eq(0),
                    line_offset.eq(0),
                    block.eq(~block),
                    base.eq(Mux(block, 0, start)),
                    busy.eq(0),
                ),
            ),
        ]
