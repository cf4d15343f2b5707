"""64 multipliers of four products each: 16 rows x 16 columns of sums, one multiplier's sums per clock.

Multiplier (t, o) has the columns 2 t, 2 t + 1 and the rows o, o + 8. It works 8 t + o clocks after the first:

    x pair t, 8 t clocks late  --+-> A B M P +-> accumulators --+        x passes to the next o each clock,
                                 |  (t, o)   |  4 x 18          |        weights to the next t after 8 clocks
    weights of pair o, o clocks -+-----------+                  |
    late                                                        v
                            64 x 4 x 18 --> 16 groups --> 4 --> 1 multiplier's sums (3 registers)

    P = (w0 + w1 2**20) (x0 + x1 2**10) + 512 (1 + 2**10 + 2**20 + 2**30)

Four products of up to 511 lie in fields of 10 bits. The constant makes each field 0 .. 1023, so that no field
borrows from the one above it. After ``fan_in`` steps each sum is 512 fan_in too large.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import Case, Cat, If, Mux, Replicate, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.array_format import COLUMNS, ROWS, ArrayFormat

FIELD_BITS = 10
SUM_BITS = 18
PAIRS = 8  # of rows, and of columns
_W1, _X1 = 2 * FIELD_BITS, FIELD_BITS  # where the second weight, and the second code, begin
OFFSET = 1 << FIELD_BITS - 1


class MultiplierArray(LiteXModule):
    """Sums of products of 16 rows of weights and 16 columns of codes.

    first:   the first step of a tile; the accumulators begin anew.
    x:       16 codes, COLUMN_LATENCY clocks after ``first``.
    weights: the word of WeightMemory, as long after ``first``.
    finished: the last step of a tile, at the time of ``first``. The next one is at least 64 clocks away.
    sums:    4 sums of multiplier 8 t + o: s<i><j> is row o + 8 i, column 2 t + j; 18 bits, unsigned.
    They leave ``latency`` + 8 t + o clocks after ``finished``.
    """

    operand_latency = 5
    latency = 13

    def __init__(self, fmt: ArrayFormat):
        w_bits, x_bits = fmt.weight_bits, fmt.code_bits
        self.first = Signal()
        self.finished = Signal()
        self.x = [Signal((x_bits, True), name=f"x{lane}") for lane in range(COLUMNS)]
        self.weights = Signal(ROWS * w_bits)
        self.sums = [[Signal(SUM_BITS, reset_less=True, name=f"s{i}{j}") for j in range(2)] for i in range(2)]

        # # #

        # A negative x0 reads as 2**10 too much, so the bits above it are those of x1 - 1.
        pairs = []
        for t in range(PAIRS):
            low, high = self.x[2 * t], self.x[2 * t + 1]
            above = Signal((x_bits + 1, True), reset_less=True, name=f"above{t}")
            borrow = Signal(name=f"borrow{t}")
            self.comb += borrow.eq(low[-1])
            self.sync += above.eq(high - borrow)
            pairs.append(Cat(delayed(self, low, 1, name=f"low{t}"), above))
        weights = delayed(self, self.weights, 1, name="weights")

        # One flag passes through all multipliers, as their operands do.
        first = delayed(self, self.first, self.operand_latency + 4, name="first", reset_less=False)
        products = []
        rows = []  # for the present t: the word of weights, each pair o clocks late
        for o in range(PAIRS):
            pair = weights[2 * w_bits * o : 2 * w_bits * (o + 1)]
            rows.append(delayed(self, pair, o, name=f"weights_pair{o}_") if o else pair)
        for t in range(PAIRS):
            x = delayed(self, pairs[t], PAIRS * t, name=f"x_pair{t}_") if t else pairs[t]
            if t:
                word = delayed(self, Cat(*rows), PAIRS, name=f"weights_row{t}_")
                rows = [word[2 * w_bits * o : 2 * w_bits * (o + 1)] for o in range(PAIRS)]
            for o in range(PAIRS):
                if o:
                    x = delayed(self, x, 1, name=f"x{t}_{o}_")
                products.append(self._multiplier(f"{t}_{o}", rows[o], x, w_bits, x_bits))
        sums = []
        for number, p in enumerate(products):
            if number:
                first = delayed(self, first, 1, name=f"first{number}_", reset_less=False)
            sums.append(self._accumulators(number, p, first))

        # The multiplexer: each group of four follows its own counter, which comes from its predecessor.
        number = Signal(6)
        busy = Signal()
        starts = delayed(self, self.finished, self.latency - 4, name="finished", reset_less=False)
        self.sync += [
            If(busy, number.eq(number + 1), If(number == 63, busy.eq(0))),
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
        for i in range(2):
            for j in range(2):
                self.comb += self.sums[i][j].eq(last[SUM_BITS * (2 * i + j) : SUM_BITS * (2 * i + j + 1)])

    def _multiplier(self, name: str, weights, x, w_bits: int, x_bits: int) -> Signal:
        """Add a multiplier with registers A, B, M and P. Returns P."""
        a = Signal((_W1 + w_bits, True), reset_less=True, name=f"a{name}")
        b = Signal((_X1 + x_bits + 1, True), reset_less=True, name=f"b{name}")
        m = Signal((len(a) + len(b), True), reset_less=True, name=f"m{name}")
        p = Signal(4 * FIELD_BITS, reset_less=True, name=f"p{name}")
        self.sync += [
            a.eq(Cat(weights[:w_bits], Replicate(weights[w_bits - 1], _W1 - w_bits), weights[w_bits:])),
            b.eq(Cat(x[:x_bits], Replicate(x[x_bits - 1], _X1 - x_bits), x[x_bits:])),
            m.eq(a * b),
            p.eq(m + sum(OFFSET << FIELD_BITS * field for field in range(4))),
        ]
        return p

    def _accumulators(self, number: int, p, first) -> Signal:
        """Add the four accumulators of a multiplier. Returns them side by side."""
        sums = []
        for field in range(4):
            acc = Signal(SUM_BITS, reset_less=True, name=f"acc{number}_{field}")
            before = Signal(SUM_BITS, name=f"before{number}_{field}")
            self.comb += before.eq(Mux(first, 0, acc))
            self.sync += acc.eq(p[FIELD_BITS * field : FIELD_BITS * (field + 1)] + before)
            sums.append(acc)
        return Cat(*sums)

    def _chosen(self, name: str, select, inputs) -> Signal:
        chosen = Signal(len(inputs[0]), reset_less=True, name=name)
        self.sync += Case(select, {n: chosen.eq(value) for n, value in enumerate(inputs)})
        return chosen
