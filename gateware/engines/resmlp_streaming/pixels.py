"""Bytes of pixels as codes of the first stage: a row of patches is a block of its code buffer."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Mux, Signal

from gateware.cores.cycle import cycle
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
        block = patches // fold.vectors * clocks  # addresses
        busy = Signal()  # a block arrives
        taken = Signal()
        next_patch, next_line, block_ends = Signal(), Signal(), Signal()
        _, value_ends = cycle(self, line, taken, "value")
        _, patch_ends = cycle(self, patches, next_patch, "patch")
        _, row_ends = cycle(self, network.patch, next_line, "row")
        lane, lane_ends = cycle(self, fold.vectors, next_patch, "lane")
        part, offset = Signal.like(source.part), Signal(max=max(clocks, 2))  # of the code in its token
        offset_ends = Signal(reset=clocks == 1)
        line_part, line_offset = Signal.like(part), Signal.like(offset)  # of the first code of the line
        line_offset_ends = Signal.like(offset_ends)
        second, base = Signal(), Signal.like(source.address)  # of the two blocks; of the group
        following = [part.eq(part + offset_ends), offset.eq(Mux(offset_ends, 0, offset + 1))]
        following += [offset_ends.eq(Mux(offset_ends, clocks == 1, offset == clocks - 2))]
        self.comb += [
            sink.ready.eq(busy),
            taken.eq(sink.valid & busy),
            next_patch.eq(taken & value_ends),
            next_line.eq(next_patch & patch_ends),
            block_ends.eq(next_line & row_ends),
            self.begun.eq(~busy & self.has_room),
        ]
        self.sync += [
            busy.eq(self.begun | (busy & ~block_ends)),
            source.valid.eq(taken),
            source.lane.eq(lane),
            source.part.eq(part),
            source.address.eq(base + offset),
            source.code.eq(Cat(sink.word[8 - len(source.code) : 7], ~sink.word[7])),
            self.block_ends.eq(block_ends),
            If(taken, *following),
            If(
                next_patch,
                part.eq(line_part),
                offset.eq(line_offset),
                offset_ends.eq(line_offset_ends),
                If(lane_ends, base.eq(base + clocks)),
            ),
            If(
                next_line,
                *following,
                line_part.eq(part + offset_ends),
                line_offset.eq(Mux(offset_ends, 0, offset + 1)),
                line_offset_ends.eq(Mux(offset_ends, clocks == 1, offset == clocks - 2)),
                base.eq(Mux(second, block, 0)),
            ),
            If(
                block_ends,
                part.eq(0),
                offset.eq(0),
                offset_ends.eq(clocks == 1),
                line_part.eq(0),
                line_offset.eq(0),
                line_offset_ends.eq(clocks == 1),
                second.eq(~second),
                base.eq(Mux(second, 0, block)),
            ),
        ]
