"""Bytes of pixels as codes of the first stage: a row of patches is a block of its code buffer."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Signal

from gateware.cores.constants import LUT_LATENCY, lut_constant
from gateware.cores.cycle import cycle, index
from gateware.cores.delay import delayed
from gateware.engines.resmlp_streaming.folding import Fold, by_index, index_bits
from gateware.engines.resmlp_streaming.matrix import Matrix
from lst_overlay.network.resmlp import ResMLPNetwork

ROW_PAUSE = 4  # clocks between two rows of patches


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
        busy = Signal()  # a block arrives
        taken = Signal()
        next_patch, next_group, next_line, block_ends = Signal(), Signal(), Signal(), Signal()
        value, value_ends = cycle(self, line, taken, "value")
        _, patch_ends = cycle(self, patches, next_patch, "patch")
        row, row_ends = cycle(self, network.patch, next_line, "row")
        lane, lane_ends = cycle(self, fold.vectors, next_patch, "lane")
        group, _ = cycle(self, patches // fold.vectors, next_group, "group")
        second = Signal()  # of the two blocks
        value_bits, row_bits = index_bits(line * network.patch, line)
        offset_bits = max(1, (clocks - 1).bit_length())
        words = [
            element % clocks | element // clocks << offset_bits for element in range(line * network.patch)
        ]
        place = lut_constant(
            self,
            "places",
            index((value, value_bits), (row, row_bits)),
            by_index(words, line),
            offset_bits + len(source.part),
        )
        groups = patches // fold.vectors
        base = lut_constant(
            self,
            "bases",
            Cat(second, group),
            [clocks * (group + second * groups) for group in range(groups) for second in range(2)],
            len(source.address),
        )
        late = LUT_LATENCY + 1
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
            If(block_ends, second.eq(~second)),
            source.part.eq(place[offset_bits:]),
            source.address.eq(place[:offset_bits] + base),
        ]
        code = Cat(sink.word[8 - len(source.code) : 7], ~sink.word[7])
        self.comb += [
            next_group.eq(next_patch & lane_ends),
            source.valid.eq(delayed(self, taken, late, name="valid", reset_less=False)),
            source.lane.eq(delayed(self, lane, late, name="lane")),
            source.code.eq(delayed(self, code, late, name="code")),
            self.block_ends.eq(delayed(self, block_ends, late, name="ends", reset_less=False)),
        ]
