"""What follows the sums of a stage: shift, bias and clip; an affine; the values of the residual branch.

sum --> shift, bias, clip --> affine ----> + --> clip --> y
                       residual --> factor --^

Affine and factor share a multiplier where a stage's results are two or more clocks apart.
"""

from __future__ import annotations

from typing import Dict

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, Cat, If, Mux, Replicate, Signal

from gateware.cores.constants import LUT_LATENCY, lut_constant
from gateware.cores.delay import delayed
from gateware.cores.requantiser import Clip, Requantiser
from gateware.engines.resmlp_streaming.folding import Fold, by_index, shares_multiplier
from gateware.engines.resmlp_streaming.function import FACTOR_BITS, factors
from gateware.engines.resmlp_streaming.matrix import Matrix, result_layout
from gateware.engines.resmlp_streaming.stages import Stage
from lst_overlay.network.resmlp.layers import Matrix as MatrixLayer

_REQUANTISED = LUT_LATENCY + 3 + Clip.latency  # clocks from a sum to its code
_PRODUCTS = Requantiser.latency + 1  # from there to affine and residual, which begins a clock later


class Post(LiteXModule):
    """From the sums of ``matrix`` to the values that leave the stage. No back-pressure.

    sink:     the matrix's source.
    residual: a value of the residual branch, ``residual_latency`` clocks after its place was in ``sink``.
    source:   y (signed), and `result_layout`.
    probes:   for tests, by the name of a step, its output and how many clocks after ``sink`` it comes.
    """

    residual_latency = _REQUANTISED + 1

    def __init__(self, matrix: Matrix, stage: Stage, fold: Fold):
        item = stage.item
        self.inner_output = fold.outputs
        self.inner_channel = fold.vectors if stage.over_tokens else fold.outputs
        bits = stage.output_bits
        self.sink = sink = stream.Endpoint([("sum", len(matrix.source.sum)), *result_layout(stage, fold)])
        self.residual = Signal((8, True))
        self.source = source = stream.Endpoint([("y", (bits, True)), *result_layout(stage, fold)])
        self.probes: Dict = {}

        # # #

        self.comb += sink.ready.eq(1)
        y = self._requantised(item.matrix, matrix.excess)
        latency = _REQUANTISED
        self._probe("matrix", y, latency)
        channel = sink.vector if stage.over_tokens else sink.output
        if item.affine is not None or item.add is not None:
            channel = delayed(self, channel, latency - LUT_LATENCY - 1, name="channel")
            # With a reset it cannot become a shift register, whose output would be late.
            channel = delayed(self, channel, 1, name="last_channel", reset_less=False)
            valid = delayed(self, sink.valid, latency - LUT_LATENCY + 1, name="steps", reset_less=False)
            affined, added = self._products(item, y, channel, valid, shares_multiplier(stage, fold))
            latency += _PRODUCTS
            if item.affine is None:
                affined = delayed(self, y, _PRODUCTS, name="unchanged")
            else:
                self._probe("affine", affined, latency)
            y = affined
            if item.add is not None:
                y, latency = self._sum(affined, added, bits), latency + 2
                self._probe("add", y, latency)
        self.latency = latency
        self.comb += source.y.eq(y)
        for name in ("valid", *(name for name, _ in result_layout(stage, fold))):
            late = delayed(self, getattr(sink, name), latency, name=f"{name}_", reset_less=name != "valid")
            self.comb += getattr(source, name).eq(late)

    def _probe(self, step: str, value: Signal, latency: int) -> None:
        self.probes[step] = value, latency

    def _requantised(self, layer: MatrixLayer, excess: int) -> Signal:
        """clip(rs(sum, shift) + bias), _REQUANTISED clocks after the sum."""
        sink = self.sink
        least = int(layer.shift.min())
        spread = int(layer.shift.max()) - least
        words = (layer.shift - least) + ((2 * layer.bias_q + 1) << 4)
        word = lut_constant(self, "requants", sink.output, by_index(words.tolist(), self.inner_output), 4 + 9)
        # rs(a, r) + bias = ((a >> (r - 1)) + 2 bias + 1) >> 1
        difference = Signal((len(sink.sum), True), reset_less=True)
        self.sync += difference.eq(sink.sum - excess)
        shifted = delayed(self, difference, LUT_LATENCY - 1, name="late")
        value = Signal((len(shifted), True), name="value")
        self.comb += value.eq(shifted >> least - 1)
        shifted = value
        for level, places in enumerate(((0, 1, 2, 3), (0, 4, 8, 12))):
            stage = Signal((len(shifted), True), reset_less=True, name=f"shifted{level}")
            digit = delayed(self, word[2 * level : 2 * level + 2], level, name=f"shift{level}_")
            possible = [place for place in places if place <= spread]
            cases = {places.index(place): stage.eq(shifted >> place) for place in possible[:-1]}
            self.sync += Case(digit, {**cases, "default": stage.eq(shifted >> possible[-1])})
            shifted = stage
        constant = Signal((9, True))
        self.comb += constant.eq(delayed(self, word[4:], 2, name="constant"))
        total = Signal((max(len(shifted), 9) + 1, True), reset_less=True)
        self.sync += total.eq(shifted + constant)
        self.clip = Clip(total[1:], layer.bits, int(layer.relu))
        return self.clip.y

    def _products(self, item, y: Signal, channel: Signal, valid: Signal, shared: bool):
        """(affine, factor times residual), _PRODUCTS clocks after y.

        channel: LUT_LATENCY clocks before y. valid: a clock before y.
        """
        words = [
            by_index(factors(layer), self.inner_channel) if layer is not None else None
            for layer in (item.affine, item.add)
        ]
        # Where all biases are 0, a bit of theirs is hidden: of an adder of a constant, Yosys makes logic, and
        # leaves the register of the DSP block out.
        operands = [y, self.residual]
        steps = [channel, delayed(self, channel, 1, name="later_channel")]
        if shared:
            # A clock with y, and then one with the residual.
            index = Signal(len(channel))
            self.comb += index.eq(Mux(valid, steps[1], steps[0]))
            size = 1 << len(channel)
            both = words[0] + [0] * (size - len(words[0])) + words[1]
            word = lut_constant(self, "factors", Cat(index, valid), both, FACTOR_BITS + 8, FACTOR_BITS)
            x = Signal((8, True))
            self.comb += x.eq(Mux(delayed(self, valid, LUT_LATENCY, name="second"), self.residual, y))
            product = self._requantiser("both", word, x, item.add.bits)
            return delayed(self, product, 1, name="affined"), product
        found = []
        for name, words_, index, x in zip(("affine", "add"), words, steps, operands):
            if words_ is None:
                found.append(None)
                continue
            word = lut_constant(self, f"{name}_factors", index, words_, FACTOR_BITS + 8, FACTOR_BITS)
            bits = (item.affine if name == "affine" else item.add).bits
            product = self._requantiser(name, word, x, bits)
            found.append(delayed(self, product, 1, name="affined") if name == "affine" else product)
        return found

    def _requantiser(self, name: str, word: Signal, x: Signal, bits: int) -> Signal:
        factor = Signal((FACTOR_BITS, True), name=f"{name}_factor")
        bias = Signal((8, True), name=f"{name}_bias")
        self.comb += [
            factor.eq(word[:FACTOR_BITS]),
            bias.eq(delayed(self, word[FACTOR_BITS:], 1, name=f"{name}_late")),
        ]
        requantiser = Requantiser(factor, x, bias, bits)
        setattr(self.submodules, name, requantiser)
        return requantiser.y

    def _sum(self, a: Signal, b: Signal, bits: int) -> Signal:
        """Their sum, clipped, 2 clocks later."""
        total = Signal((max(len(a), len(b)) + 1, True), reset_less=True)
        self.sync += total.eq(a + b)
        clip = Signal((bits, True), reset_less=True, name="added")
        fits = total[bits - 1 :] == Replicate(total[-1], len(total) - bits + 1)
        self.sync += If(fits, clip.eq(total)).Else(clip.eq(Cat(Replicate(~total[-1], bits - 1), total[-1])))
        return clip
