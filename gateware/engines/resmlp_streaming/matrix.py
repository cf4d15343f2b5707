"""The multipliers of a stage: codes of a group of vectors in, one sum after another out.

write --> CodeBuffer --+-- a factor for each pair of vectors, q clocks late --> multiplier (p, q) of each part
          2 blocks     |                                                          A B M P > accumulators
          weights -----+-- a factor for each pair of outputs, p clocks late -->        > captured > one of
          (block RAM)                                                                    the results > sum

In a tile the sums of all pairs of outputs and of vectors grow for ``fold.clocks`` clocks. Then they are
captured, and leave one by one while those of the next tile grow. Multiplier (p, q) works p + q clocks late,
so that a register of the block has each of its factors.
"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.constants import BLOCK_LATENCY, block_constant, chosen, chosen_latency, packed
from gateware.cores.cycle import cycle, index
from gateware.cores.delay import delayed, keep_register
from gateware.cores.packed_products import accumulators, code_factor, multiplier
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.code_buffer import CodeBuffer
from gateware.engines.resmlp_streaming.folding import Fold, index_bits
from gateware.engines.resmlp_streaming.stages import Stage

# Clocks after a step: its operands are at the multipliers, and the sums that end with it are captured.
_OPERANDS = BLOCK_LATENCY + 1
_CAPTURED = _OPERANDS + 4


def result_layout(stage: Stage, fold: Fold):
    """Where a result belongs: output and vector by `index_bits`; lane, the vector's place in its group."""
    lane_bits, group_bits = index_bits(stage.vectors, fold.vectors)
    return [
        ("output", sum(index_bits(stage.outputs, fold.outputs))),
        ("vector", max(1, lane_bits + group_bits)),
        ("lane", max(1, lane_bits)),
        ("group_ends", 1),
        ("image_ends", 1),
    ]


class Matrix(LiteXModule):
    """The sums of a stage's products.

    groups:   of vectors in a block of codes.
    by_image: has_room speaks of the results of an image, otherwise of those of a group.

    write:    the codes, as `CodeBuffer` says; filled: high for one clock when a block is complete.
    emptied:  high for one clock when a block has been read, or ``early`` tiles before: the codes of a writer
              that begins then come when those that they replace have been read.
    has_room: the results of one more image, or group, may come; begun: high for one clock when one begins.
    admitted: one more image may begin; admits: high for one clock when it does.
    source:   sum (``excess`` too large, its upper bits cut off), and `result_layout`; no back-pressure.
    waits:    for a block of codes; refused: for ``admitted``.
    """

    def __init__(self, stage: Stage, fold: Fold, groups: int, by_image: bool, early: int = 0):
        self.stage, self.fold, self.early = stage, fold, early
        self.excess = stage.fan_in << stage.packing.field_bits - 1
        self.buffer = buffer = CodeBuffer(fold, groups, stage.code_bits)
        self.blocks = blocks = Stock(2, filled=False)
        self.write, self.filled = buffer.write, blocks.put
        self.emptied = Signal()
        self.has_room = Signal()
        self.begun = Signal()
        self.admitted = Signal(reset=1)
        self.admits = Signal()
        self.waits = Signal()
        self.refused = Signal()
        adding = (fold.parts - 1).bit_length()
        self.source = source = stream.Endpoint([("sum", stage.sum_bits), *result_layout(stage, fold)])

        # # #

        first, last, weight_address = self._sequence(groups, by_image)
        captured = self._captured(self._weights(weight_address), first, last)
        number, emits = self._numbers(delayed(self, last, _CAPTURED, name="captured", reset_less=False))
        parts = [chosen(self, f"part{part}", number, values) for part, values in enumerate(captured)]
        for level in range(adding):
            pairs = [parts[place : place + 2] for place in range(0, len(parts), 2)]
            parts = [self._added(f"{level}_{place}", pair) for place, pair in enumerate(pairs)]
        late = chosen_latency(fold.results) + adding
        self.comb += [
            source.valid.eq(delayed(self, emits, late, name="valid", reset_less=False)),
            source.sum.eq(parts[0]),
        ]
        self._places()

    def _sequence(self, groups: int, by_image: bool):
        """Add the counters of the steps. Returns first and last step of a tile, and the weights' address."""
        stage, fold, blocks = self.stage, self.fold, self.blocks
        tiles, image_groups = stage.outputs // fold.outputs, stage.vectors // fold.vectors
        running, ready, go = Signal(), Signal(), Signal()
        first, last, ends = Signal(), Signal(), Signal()
        _, step_ends = cycle(self, fold.clocks, running, "step")
        tile, tile_ends = cycle(self, tiles, last, "tile")
        early = first & (tile == max(tiles - self.early, 0))
        address, base = self.buffer.address, Signal.like(self.buffer.address)
        next_base = Signal.like(base)
        weight_address = Signal(max=fold.clocks * tiles)
        # These speak of the group that begins next: it begins a block, or an image.
        _, block_ends = cycle(self, groups, go, "block_group")
        _, image_ends = cycle(self, image_groups, go, "image_group")
        new_block, new_image, new_unit = Signal(reset=1), Signal(reset=1), Signal()
        second = Signal()  # of the two blocks
        self.comb += [
            new_unit.eq(new_image if by_image else 1),
            last.eq(running & step_ends),
            ends.eq(last & tile_ends),
            go.eq(ready & (~running | ends)),
            blocks.take.eq(go & new_block),
            self.begun.eq(go & new_unit),
            self.admits.eq(go & new_image),
            # While the last group of a block is multiplied, the next one begins a block.
            self.emptied.eq((early if self.early else ends) & new_block),
            next_base.eq(Mux(new_block & second, 0, address + 1)),
        ]
        self.sync += [
            ready.eq(
                (~new_block | blocks.available)
                & (~new_unit | self.has_room)
                & (~new_image | self.admitted)
                & ~go
            ),
            self.refused.eq(~running & new_image & ~self.admitted),
            self.waits.eq(~running & new_block & ~blocks.available & (~new_image | self.admitted)),
            first.eq(go | (last & ~tile_ends)),
            running.eq(go | (running & ~ends)),
            If(go, new_block.eq(block_ends), new_image.eq(image_ends)),
            If(
                running,
                address.eq(address + 1),
                weight_address.eq(weight_address + 1),
                If(step_ends, address.eq(base)),
                If(ends, weight_address.eq(0), address.eq(next_base), base.eq(next_base)),
                If(ends & new_block, second.eq(~second)),
            ),
        ]
        return first, last, weight_address

    def _weights(self, address: Signal):
        """[part][pair of outputs]: two weights side by side, _OPERANDS clocks after the address."""
        stage, fold = self.stage, self.fold
        bits, pairs = stage.matrix.weight_bits, fold.outputs // 2
        # (tiles, outputs, parts, clocks) -> (tiles, clocks, parts, outputs)
        values = stage.matrix.weights_q.reshape(-1, fold.outputs, fold.parts, fold.clocks).transpose(
            0, 3, 2, 1
        )
        values = values.reshape(len(values) * fold.clocks, -1, 2)
        # A negative first weight reads as 2**bits too much, so above it are the bits of the second less 1.
        values = np.stack([values[..., 0], values[..., 1] - (values[..., 0] < 0)], axis=-1)
        words = packed(values.reshape(len(values), -1), bits)
        word = block_constant(self, "weights", address, words, bits * fold.parts * fold.outputs)
        word = delayed(self, word, _OPERANDS - BLOCK_LATENCY, name="weights")
        return [
            [word[2 * bits * (pairs * part + p) : 2 * bits * (pairs * part + p + 1)] for p in range(pairs)]
            for part in range(fold.parts)
        ]

    def _captured(self, weights, first, last):
        """[part][result]: the sums of the last tile, in the order in which they leave."""
        fold, packing, bits = self.fold, self.stage.packing, self.stage.sum_bits
        lanes, pairs = packing.column_lanes, fold.outputs // 2
        columns = fold.vectors // lanes
        # Flags of multiplier (p, q), one clock before those of (0, 0) are due, p + q clocks late.
        firsts = [delayed(self, first, _CAPTURED - 2, name="first", reset_less=False)]
        lasts = [delayed(self, last, _CAPTURED - 1, name="last", reset_less=False)]
        for number in range(pairs + columns - 2):
            firsts.append(delayed(self, firsts[-1], 1, name=f"first{number}_", reset_less=False))
            lasts.append(delayed(self, lasts[-1], 1, name=f"last{number}_", reset_less=False))
        found = []
        for part, codes in enumerate(self.buffer.codes):
            results = {}
            codes = [
                delayed(self, code, _OPERANDS - 1 - CodeBuffer.latency, name=f"code{part}_{lane}_")
                for lane, code in enumerate(codes)
            ]
            x = []
            for q in range(columns):
                factor = code_factor(self, codes[lanes * q : lanes * (q + 1)], packing, f"{part}_{q}_")
                x.append(delayed(self, factor, q, name=f"x{part}_{q}_") if q else factor)
            for p in range(pairs):
                rows = weights[part][p]
                if p:
                    rows = delayed(self, rows, p, name=f"rows{part}_{p}_")
                for q in range(columns):
                    if q:
                        rows = delayed(self, rows, 1, name=f"rows{part}_{p}_{q}_")
                    if p:
                        x[q] = delayed(self, x[q], 1, name=f"x{part}_{q}_{p}_")
                    name = f"{part}_{p}_{q}"
                    product = multiplier(self, name, rows, x[q], packing)
                    begins, ends = (Signal(name=f"{flag}{name}") for flag in ("begins", "ends"))
                    self.sync += [begins.eq(firsts[p + q]), ends.eq(lasts[p + q])]
                    keep_register(begins)  # each has 70 loads; alike ones would become one
                    keep_register(ends)
                    sums = accumulators(self, name, product, begins, bits, packing)
                    for field, value in enumerate(sums):
                        captured = Signal(bits, reset_less=True, name=f"captured{name}_{field}")
                        self.sync += If(ends, captured.eq(value))
                        output, lane = 2 * p + field // lanes, lanes * q + field % lanes
                        results[lane * fold.outputs + output] = captured
            found.append([results[number] for number in range(fold.results)])
        return found

    def _numbers(self, captured: Signal):
        """Number the results of a tile. Returns the number, and a flag that it is new."""
        fold = self.fold
        busy, emits = Signal(), Signal()
        number, number_ends = cycle(self, fold.results, emits, "number")
        pause = Signal(max=max(fold.pause, 2), reset_less=True)  # it ends by itself
        self.comb += emits.eq(busy & (pause == 0))
        self.sync += [
            If(emits, pause.eq(fold.pause - 1), If(number_ends, busy.eq(0))).Elif(
                pause != 0, pause.eq(pause - 1)
            ),
            If(captured, busy.eq(1), pause.eq(0)),
        ]
        return number, emits

    def _places(self) -> None:
        """Number the outputs and vectors of the results."""
        stage, fold, source = self.stage, self.fold, self.source
        next_vector, next_tile, next_group = Signal(), Signal(), Signal()
        column, column_ends = cycle(self, fold.outputs, source.valid, "column")
        lane, lane_ends = cycle(self, fold.vectors, next_vector, "lane")
        tile, tile_ends = cycle(self, stage.outputs // fold.outputs, next_tile, "result_tile")
        group, group_ends = cycle(self, stage.vectors // fold.vectors, next_group, "result_group")
        column_bits, tile_bits = index_bits(stage.outputs, fold.outputs)
        lane_bits, group_bits = index_bits(stage.vectors, fold.vectors)
        self.comb += [
            next_vector.eq(source.valid & column_ends),
            next_tile.eq(next_vector & lane_ends),
            next_group.eq(next_tile & tile_ends),
            source.output.eq(index((column, column_bits), (tile, tile_bits))),
            source.vector.eq(index((lane, lane_bits), (group, group_bits))),
            source.lane.eq(lane),
            source.group_ends.eq(column_ends & lane_ends & tile_ends),
            source.image_ends.eq(source.group_ends & group_ends),
        ]

    def _added(self, name: str, values) -> Signal:
        total = Signal(len(self.source.sum), reset_less=True, name=f"total{name}")
        self.sync += total.eq(reduce(add, values))
        return total
