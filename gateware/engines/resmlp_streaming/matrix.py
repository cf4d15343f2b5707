"""The multipliers of a stage: codes of a group of vectors in, one sum after another out.

write --> CodeBuffer --+-- a factor for each pair of vectors, q clocks late --> multiplier (p, q) of each part
          2 blocks     |                                                          A B M P > accumulators
          weights -----+-- a factor for each pair of outputs, p clocks late -->        > captured > one of
          (block RAM)                                                                    the results > sum

In a tile the sums of all pairs of outputs and of vectors grow for ``fold.clocks`` clocks. Then they are
captured, and leave one by one while those of the next tile grow. Multiplier (p, q) works p + q clocks late, so
that a register of the block has each of its factors.
"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.constants import BLOCK_LATENCY, block_constant, chosen, chosen_latency, packed
from gateware.cores.delay import delayed, keep_register
from gateware.cores.packed_products import accumulators, code_factor, multiplier
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.code_buffer import CodeBuffer
from gateware.engines.resmlp_streaming.folding import Fold
from gateware.engines.resmlp_streaming.stages import Stage

# Clocks after a step: its operands are at the multipliers, and the sums that end with it are captured.
_OPERANDS = BLOCK_LATENCY + 1
_CAPTURED = _OPERANDS + 4


def result_layout(stage: Stage, fold: Fold):
    """Where a result belongs: output and vector; lane, of the group; place in the group, output by output."""
    return [
        ("output", (stage.outputs - 1).bit_length()),
        ("vector", max(1, (stage.vectors - 1).bit_length())),
        ("lane", max(1, (fold.vectors - 1).bit_length())),
        ("place", (stage.outputs * fold.vectors - 1).bit_length()),
        ("group_ends", 1),
        ("image_ends", 1),
    ]


class Matrix(LiteXModule):
    """The sums of a stage's products.

    groups:   of vectors in a block of codes.
    by_image: has_room speaks of the results of an image, otherwise of those of a group.

    write:    the codes, as `CodeBuffer` says; filled: high for one clock when a block is complete.
    emptied:  high for one clock when a block has been read; if ``early``, when its last tile begins, which is
              early enough for a writer whose first code comes a tile later.
    has_room: the results of one more image, or group, may come; begun: high for one clock when one begins.
    admitted: one more image may begin; admits: high for one clock when it does.
    source:   sum (unsigned, ``excess`` too large), and `result_layout`; no back-pressure.
    waits:    for a block of codes; refused: for ``admitted``.
    """

    def __init__(self, stage: Stage, fold: Fold, groups: int, by_image: bool, early: bool = False):
        self.stage, self.fold, self.early = stage, fold, early
        packing = stage.packing
        self.width = packing.field_bits + (fold.clocks - 1).bit_length()  # of the sum of a part
        self.excess = stage.fan_in << packing.field_bits - 1
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
        self.source = source = stream.Endpoint([("sum", self.width + adding), *result_layout(stage, fold)])

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
        """Add the counters of the steps. Returns first and last step of a tile, and the address of weights."""
        stage, fold, blocks = self.stage, self.fold, self.blocks
        tiles, image_groups = stage.outputs // fold.outputs, stage.vectors // fold.vectors
        running = Signal()
        step = Signal(max=fold.clocks)
        step_ends = Signal()  # it is the last of the tile
        tile = Signal(max=max(tiles, 2))
        address, base = self.buffer.address, Signal.like(self.buffer.address)
        next_base = Signal.like(base)
        weight_address = Signal(max=fold.clocks * tiles)
        block_group = Signal(max=max(groups, 2))  # these two number the group that begins next
        image_group = Signal(max=max(image_groups, 2))
        second = Signal()  # of the two blocks
        new_block, new_image, new_unit = Signal(), Signal(), Signal()
        ready, go, ends, tile_ends = Signal(), Signal(), Signal(), Signal()
        first, last = Signal(), Signal()
        self.comb += [
            new_block.eq(block_group == 0),
            new_image.eq(image_group == 0),
            new_unit.eq(new_image if by_image else 1),
            tile_ends.eq(tile == tiles - 1),
            first.eq(running & (step == 0)),
            last.eq(running & step_ends),
            ends.eq(last & tile_ends),
            go.eq(ready & (~running | ends)),
            blocks.take.eq(go & new_block),
            self.begun.eq(go & new_unit),
            self.admits.eq(go & new_image),
            # Both are also true at the last group of a block, since block_group numbers the next one.
            self.emptied.eq((first & tile_ends if self.early else ends) & new_block),
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
            step_ends.eq(running & ~step_ends & (step == fold.clocks - 2)),
            If(
                go,
                block_group.eq(Mux(block_group == groups - 1, 0, block_group + 1)),
                image_group.eq(Mux(image_group == image_groups - 1, 0, image_group + 1)),
            ),
            If(
                running,
                step.eq(step + 1),
                address.eq(address + 1),
                weight_address.eq(weight_address + 1),
                If(step_ends, step.eq(0), tile.eq(tile + 1), address.eq(base)),
                If(
                    ends,
                    tile.eq(0),
                    weight_address.eq(0),
                    address.eq(next_base),
                    base.eq(next_base),
                    If(new_block, second.eq(~second)),
                    running.eq(go),
                ),
            ).Elif(go, running.eq(1)),
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
        # A negative first weight reads as 2**bits too much, so the bits above it are those of the second less 1.
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
        fold, packing = self.fold, self.stage.packing
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
                    sums = accumulators(self, name, product, begins, self.width, packing)
                    for field, value in enumerate(sums):
                        captured = Signal(self.width, reset_less=True, name=f"captured{name}_{field}")
                        self.sync += If(ends, captured.eq(value))
                        output, lane = 2 * p + field // lanes, lanes * q + field % lanes
                        results[lane * fold.outputs + output] = captured
            found.append([results[number] for number in range(fold.results)])
        return found

    def _numbers(self, captured: Signal):
        """Number the results of a tile. Returns the number, and a flag that it is new."""
        fold = self.fold
        number = Signal(max=fold.results)
        busy, emits = Signal(), Signal()
        pause = Signal(max=max(fold.pause, 2))
        self.comb += emits.eq(busy & (pause == 0))
        self.sync += [
            If(pause != 0, pause.eq(pause - 1)),
            If(
                emits,
                pause.eq(fold.pause - 1),
                number.eq(number + 1),
                If(number == fold.results - 1, busy.eq(0)),
            ),
            If(captured, number.eq(0), busy.eq(1), pause.eq(0)),
        ]
        return number, emits

    def _places(self) -> None:
        """Number the outputs, vectors and places of the results."""
        stage, fold, source = self.stage, self.fold, self.source
        step = Signal(max=fold.outputs)
        tile_output, tile_place = Signal.like(source.output), Signal.like(source.place)
        group_vector = Signal.like(source.vector)
        column_ends, tile_ends = Signal(), Signal()  # the outputs of a vector, those of all
        self.comb += [
            column_ends.eq(step == fold.outputs - 1),
            tile_ends.eq(column_ends & (source.lane == fold.vectors - 1)),
            source.group_ends.eq(tile_ends & (source.output == stage.outputs - 1)),
            source.image_ends.eq(source.group_ends & (source.vector == stage.vectors - 1)),
        ]
        self.sync += If(
            source.valid,
            step.eq(step + 1),
            source.output.eq(source.output + 1),
            source.place.eq(source.place + fold.vectors),
            If(
                column_ends,
                step.eq(0),
                source.lane.eq(source.lane + 1),
                source.vector.eq(source.vector + 1),
                source.output.eq(tile_output),
                source.place.eq(tile_place + source.lane + 1),
            ),
            If(
                tile_ends,
                source.lane.eq(0),
                source.vector.eq(group_vector),
                source.output.eq(source.output + 1),
                tile_output.eq(source.output + 1),
                source.place.eq(source.place + 1),
                tile_place.eq(source.place + 1),
            ),
            If(
                source.group_ends,
                source.output.eq(0),
                tile_output.eq(0),
                source.place.eq(0),
                tile_place.eq(0),
                source.vector.eq(source.vector + 1),
                group_vector.eq(source.vector + 1),
            ),
            If(source.image_ends, source.vector.eq(0), group_vector.eq(0)),
        )

    def _added(self, name: str, values) -> Signal:
        total = Signal(len(self.source.sum), reset_less=True, name=f"total{name}")
        self.sync += total.eq(reduce(add, values))
        return total
