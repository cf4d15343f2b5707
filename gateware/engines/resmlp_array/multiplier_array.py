"""64 multipliers of four products each: 16 rows x 16 columns of sums, one multiplier's sums per clock.

Multiplier (t, o) has the columns 2 t, 2 t + 1 and the rows o, o + 8. It works 8 t + o clocks after the first:

    x pair t, 8 t clocks late  --+-> A B M P +-> accumulators --+        x passes to the next o each clock,
                                 |  (t, o)   |  4 x 18          |        weights to the next t after 8 clocks
    weights of pair o, o clocks -+-----------+                  |
    late                                                        v
                            64 x 4 x 18 --> 16 groups --> 4 --> 1 multiplier's sums (3 registers)

After ``fan_in`` steps each sum of 5-bit weights and 6-bit codes is 512 fan_in too large; see
`gateware.cores.packed_products`. With two products in a multiplier, (t, o) has column t and two of 8 rows,
and works 4 t + o clocks after the first.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import Case, Cat, If, Signal

from gateware.cores.delay import delayed
from gateware.cores.packed_products import accumulators, code_factor, multiplier
from lst_overlay.network.resmlp.array_format import COLUMNS, MAX_FAN_IN, MULTIPLIERS, ArrayFormat


def sum_bits(fmt: ArrayFormat) -> int:
    """Of the sum of as many fields as a matrix can have inputs, unsigned."""
    return fmt.field_bits + (MAX_FAN_IN - 1).bit_length()


class MultiplierArray(LiteXModule):
    """Sums of products of a tile's rows of weights and columns of codes.

    first:   the first step of a tile; the accumulators begin anew.
    x:       16 codes, operand_latency clocks after ``first``.
    weights: the word of WeightMemory, as long after ``first``.
    finished: the last step of a tile, at the time of ``first``. The next one is at least 64 clocks away.
    sums:    of one multiplier, by (row lane, column lane): s<i><j> is row o + 8 i, column 2 t + j; unsigned.
    Those of multiplier 8 t + o leave ``latency`` + 8 t + o clocks after ``finished``.
    """

    operand_latency = 5
    latency = 13

    def __init__(self, fmt: ArrayFormat):
        w_bits, x_bits, pairs = fmt.weight_bits, fmt.code_bits, fmt.row_pairs
        self.first = Signal()
        self.finished = Signal()
        self.x = [Signal((x_bits, True), name=f"x{lane}") for lane in range(COLUMNS)]
        self.weights = Signal(fmt.rows * w_bits)
        self.sums = {
            (i, j): Signal(sum_bits(fmt), reset_less=True, name=f"s{i}{j}")
            for i in range(2)
            for j in range(fmt.column_lanes)
        }

        # # #

        columns = [
            code_factor(self, self.x[fmt.column_lanes * t : fmt.column_lanes * (t + 1)], fmt, t)
            for t in range(COLUMNS // fmt.column_lanes)
        ]
        weights = delayed(self, self.weights, 1, name="weights")

        # One flag passes through all multipliers, as their operands do.
        first = delayed(self, self.first, self.operand_latency + 4, name="first", reset_less=False)
        products = []
        rows = []  # for the present t: the word of weights, each pair o clocks late
        for o in range(pairs):
            pair = weights[2 * w_bits * o : 2 * w_bits * (o + 1)]
            rows.append(delayed(self, pair, o, name=f"weights_pair{o}_") if o else pair)
        for t, column in enumerate(columns):
            x = delayed(self, column, pairs * t, name=f"x_pair{t}_") if t else column
            if t:
                word = delayed(self, Cat(*rows), pairs, name=f"weights_row{t}_")
                rows = [word[2 * w_bits * o : 2 * w_bits * (o + 1)] for o in range(pairs)]
            for o in range(pairs):
                if o:
                    x = delayed(self, x, 1, name=f"x{t}_{o}_")
                products.append(multiplier(self, f"{t}_{o}", rows[o], x, fmt))
        sums = []
        for number, p in enumerate(products):
            if number:
                first = delayed(self, first, 1, name=f"first{number}_", reset_less=False)
            sums.append(Cat(*accumulators(self, number, p, first, sum_bits(fmt), fmt)))

        # The multiplexer: each group of four follows its own counter, which comes from its predecessor.
        number = Signal(max=MULTIPLIERS)
        busy = Signal()
        starts = delayed(self, self.finished, self.latency - 4, name="finished", reset_less=False)
        self.sync += [
            If(busy, number.eq(number + 1), If(number == MULTIPLIERS - 1, busy.eq(0))),
            If(starts, number.eq(0), busy.eq(1)),
        ]
        select = number[:2]
        groups = []
        for group in range(16):
            if group:
                select = delayed(self, select, 4, name=f"select{group}_")
            groups.append(self._chosen(f"group{group}", select, sums[4 * group : 4 * group + 4]))
        middle = delayed(self, number[2:4], 1, name="middle")
        quarters = [self._chosen(f"quarter{n}", middle, groups[4 * n : 4 * n + 4]) for n in range(4)]
        last = self._chosen("chosen", delayed(self, number[4:], 2, name="quarter"), quarters)
        at = 0
        for sum_ in self.sums.values():
            self.comb += sum_.eq(last[at : at + len(sum_)])
            at += len(sum_)

    def _chosen(self, name: str, select, inputs) -> Signal:
        chosen = Signal(len(inputs[0]), reset_less=True, name=name)
        self.sync += Case(select, {n: chosen.eq(value) for n, value in enumerate(inputs)})
        return chosen
