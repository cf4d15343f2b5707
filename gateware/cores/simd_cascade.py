"""Many short numbers summed by DSP48E1 instead of logic: each holds four adders of twelve bits.

                  P of the block before
                           |
                +----------v-----------+
 terms[n][0] -->| A, B  >  A:B         |
    48          |           + PCIN > P |--> to the next block
 terms[n][1] -->| C     >   + C        |    48
    48          +----------------------+

>: a register of the block. 48 bits are four terms, or sums, of twelve.
"""

from __future__ import annotations

from typing import List, Sequence

from litex.gen import LiteXModule
from migen import Cat, ClockSignal, Instance, Signal

LANES, LANE_WIDTH = 4, 12
WORDS = 2  # that a block adds to the sums of its predecessor
_B_WIDTH, _A_WIDTH, _P_WIDTH = 18, 30, 48
# The sum of A:B, C and, of all blocks but the first, PCIN.
_OPMODE_FIRST, _OPMODE = 0b0001111, 0b0011111
# The multiplier and what belongs to it are not used; clocks are always enabled, and nothing is reset.
_UNUSED = {
    **{f"i_{name}": 0 for name in ("ACIN", "BCIN", "D", "INMODE", "ALUMODE", "CARRYIN", "CARRYINSEL")},
    **{f"i_{name}": 0 for name in ("CARRYCASCIN", "MULTSIGNIN")},
    **{
        f"i_RST{name}": 0
        for name in ("A", "ALLCARRYIN", "ALUMODE", "B", "C", "CTRL", "D", "INMODE", "M", "P")
    },
    **{f"i_CE{name}": 1 for name in ("A1", "A2", "AD", "ALUMODE", "B1", "B2", "C", "CARRYIN", "CTRL")},
    **{f"i_CE{name}": 1 for name in ("D", "INMODE", "M", "P")},
    **{f"p_{name}REG": 1 for name in ("A", "B", "C", "P", "ACASC", "BCASC")},
    **{
        f"p_{name}REG": 0 for name in ("AD", "ALUMODE", "CARRYIN", "CARRYINSEL", "D", "INMODE", "M", "OPMODE")
    },
    "p_USE_MULT": "NONE",
    "p_USE_SIMD": "FOUR12",
}


class SimdCascade(LiteXModule):
    """Up to four sums of many terms, in a column of DSP48E1; every clock has new sums.

    terms: for each block up to two words of up to four terms, signed, one for each sum. The terms of block n
           come n clocks after those of block 0.
    sums:  signed, ``latency`` clocks after the terms of block 0. Those of the first n blocks, for any n, must
           fit LANE_WIDTH bits.
    """

    def __init__(self, terms: Sequence[Sequence[Sequence[Signal]]]):
        lanes = len(terms[0][0])
        self.latency = len(terms) + 1
        self.sums = sums = [Signal((LANE_WIDTH, True), name=f"sum{lane}") for lane in range(lanes)]

        # # #

        before = None
        for number, words in enumerate(terms):
            a_b, c = (self._operand(words[place : place + 1], f"{number}_{place}") for place in range(WORDS))
            p, after = (Signal(_P_WIDTH, name=f"{name}{number}") for name in ("p", "cascade"))
            self.specials += Instance(
                "DSP48E1",
                name=f"adders{number}",
                i_CLK=ClockSignal(),
                i_A=a_b[_B_WIDTH:],
                i_B=a_b[:_B_WIDTH],
                i_C=c,
                i_PCIN=0 if before is None else before,
                i_OPMODE=_OPMODE_FIRST if before is None else _OPMODE,
                o_P=p,
                o_PCOUT=after,
                **_UNUSED,
            )
            before = after
        self.comb += [
            total.eq(p[LANE_WIDTH * lane : LANE_WIDTH * (lane + 1)]) for lane, total in enumerate(sums)
        ]

    def _operand(self, words: List[Sequence[Signal]], name: str) -> Signal:
        """48 bits with the terms of a word, or 0 for none."""
        lanes = []
        for lane, term in enumerate(words[0] if words else ()):
            extended = Signal((LANE_WIDTH, True), name=f"term{name}_{lane}")
            self.comb += extended.eq(term)
            lanes.append(extended)
        operand = Signal(_P_WIDTH, name=f"terms{name}")
        self.comb += operand.eq(Cat(*lanes) if lanes else 0)
        return operand
