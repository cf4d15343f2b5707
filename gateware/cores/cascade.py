"""Constant matrices times vectors on a chain of multipliers.

Each multiplier keeps one element of the vector, receives one weight per clock, and adds its product to the
sum that comes from its predecessor.
"""

from __future__ import annotations

from typing import List, Tuple

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Replicate, Signal

from gateware.cores.delay import delayed
from gateware.cores.widths import signed_width
from lst_overlay.network import Layer

MAX_WEIGHT_WIDTH = 25  # of a DSP48E1, which multiplies 25 by 18 bits, signed


class Cascade(LiteXModule):
    """W x + b for square matrices of ``size``; ``lanes`` (1 or 2) elements in and sums out per clock.

    Multiplier i captures element i when it passes by and keeps it while the weights of column i of W come out
    of its memory, one per clock. It adds each product to the partial sum from multiplier i - 1. The finished
    sums leave the end of the chain one after another, so no multiplexer is needed.

    With two lanes each multiplier works on two weights at once, low + high * 2**acc_width. The product then
    holds two sums: that of row k of W in its low acc_width bits and that of row size / 2 + k above them.

    No back-pressure: ``ready`` is ignored on both sides.

    layers:   the layers, whose matrices and biases are stored.
    x_ranges: for each layer the least and the greatest element of its vectors.
    sink:     x0, x1, .. (x_width bits, signed), elements lanes * k + 0, 1, ..; layer: the number of the layer
              to apply. A vector takes size / lanes consecutive clocks.
    source:   y0, y1, .. (acc_width bits, signed), sums k, size / lanes + k in the order k = 0, 1, ..; layer.
              They leave ``latency`` clocks after the elements of the same k.
    """

    def __init__(self, layers: List[Layer], x_ranges: List[Tuple[int, int]], lanes: int = 1):
        size, layer_bits = layers[0].fan_in, max((len(layers) - 1).bit_length(), 1)
        self.acc_width = acc_width = max(sum_width(layer, range_) for layer, range_ in zip(layers, x_ranges))
        x_width = max(signed_width(*range_) for range_ in x_ranges)
        self.sink = sink = stream.Endpoint(
            [*((f"x{lane}", (x_width, True)) for lane in range(lanes)), ("layer", layer_bits)]
        )
        self.source = source = stream.Endpoint(
            [*((f"y{lane}", (acc_width, True)) for lane in range(lanes)), ("layer", layer_bits)]
        )

        # # #

        steps = size // lanes
        step = Signal(max=steps)
        first = Signal()
        self.comb += [sink.ready.eq(1), first.eq(sink.valid & (step == 0))]
        self.sync += If(sink.valid, If(step == steps - 1, step.eq(0)).Else(step.eq(step + 1)))

        # (layers, steps, lanes, ...): sum ``step`` of lane ``lane`` is output lane * steps + step of the
        # layer.
        weights = np.stack([layer.weights_q.reshape(lanes, steps, size).swapaxes(0, 1) for layer in layers])
        biases = np.stack([layer.bias_q.reshape(lanes, steps).T for layer in layers])
        address = delayed(self, Cat(step, sink.layer) if len(layers) > 1 else step, 1)
        p = delayed(self, self._biases(biases, acc_width, address), 3, name="c")
        capture = delayed(self, first, 3)
        x = [
            [delayed(self, getattr(sink, f"x{lane}"), 3, name=f"x{lane}_")] for lane in range(lanes)
        ]  # by lane and delay
        for i in range(0, size, 2):  # two multipliers share a block RAM
            ports = self._columns(weights[..., i : i + 2], i)
            for number, port in enumerate(ports, i):
                address = delayed(self, address, 1, name=f"address{number}_") if number else address
                capture = delayed(self, capture, 1, name=f"capture{number}_") if number else capture
                line = x[number % lanes]
                while len(line) <= number - number // lanes:
                    line.append(delayed(self, line[-1], 1, name=f"x{number % lanes}_{len(line)}_"))
                self.comb += port.adr.eq(Cat(address, number - i))
                word = delayed(self, port.dat_r, 1, name=f"word{number}_")  # the block RAM's output register
                p = self._multiplier(
                    number, word, line[number - number // lanes], capture, p, acc_width, lanes
                )
        self.latency = size + 5
        self.comb += source.y0.eq(p)
        if lanes == 2:  # a negative low sum makes the field above it read one too little (two's complement)
            high, carry = p[acc_width:], p[acc_width - 1]
            self.latency += 1
            self.comb += source.y0.eq(delayed(self, p[:acc_width], 1, name="low"))
            self.sync += source.y1.eq(high + carry)
        self.comb += [
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
            source.layer.eq(delayed(self, sink.layer, self.latency)),
        ]

    def _biases(self, biases: np.ndarray, acc_width: int, address: Signal):
        """Add the memory of biases. Returns the bias of the sum that begins, one clock after its address."""
        layers, steps, lanes = biases.shape
        mask = (1 << lanes * acc_width) - 1
        words = [
            sum(bias << acc_width * lane for lane, bias in enumerate(word)) & mask
            for word in _padded(biases).reshape(-1, lanes).tolist()
        ]
        memory = Memory(lanes * acc_width, len(words), init=words, name="biases")
        port = memory.get_port(mode=READ_FIRST)
        self.specials += memory, port
        self.comb += port.adr.eq(address)
        return port.dat_r

    def _columns(self, weights: np.ndarray, first: int) -> list:
        """Add the memory of two multipliers' weights and return its ports.

        weights: (layers, steps, lanes, 2), of multipliers ``first`` and first + 1.
        """
        lanes = weights.shape[2]
        fields = weights.copy()
        # The DSP's input must be low + high * 2**acc_width. The bits of a negative low weight read
        # 2**acc_width too much, so the high field is one less.
        fields[:, :, 1:] -= weights[:, :, :-1] < 0
        width = signed_width(int(fields.min()), int(fields.max()))
        words = [
            sum((field & (1 << width) - 1) << width * lane for lane, field in enumerate(word))
            for word in np.moveaxis(_padded(fields), 3, 0).reshape(-1, lanes).tolist()
        ]
        memory = Memory(lanes * width, len(words), init=words, name=f"weights{first}")
        ports = [memory.get_port(mode=READ_FIRST) for _ in range(2)]
        self.specials += memory, *ports
        return ports

    def _multiplier(self, number: int, word, x, capture, before, acc_width: int, lanes: int) -> Signal:
        """Add a multiply-accumulate in the DSP's own registers A, B, M and P, without reset. Returns P."""
        width = len(word) // lanes
        a = Signal(((lanes - 1) * acc_width + width, True), reset_less=True, name=f"a{number}")
        b = Signal((len(x), True), reset_less=True, name=f"b{number}")
        m = Signal((len(a) + len(b), True), reset_less=True, name=f"m{number}")
        p = Signal((lanes * acc_width, True), reset_less=True, name=f"p{number}")
        c = Signal((lanes * acc_width, True), name=f"before{number}")
        extended = (
            Cat(word[:width], Replicate(word[width - 1], acc_width - width), word[width:])
            if lanes == 2
            else word
        )
        self.comb += c.eq(before)
        self.sync += [a.eq(extended), If(capture, b.eq(x)), m.eq(a * b), p.eq(c + m)]
        return p


def sum_width(layer: Layer, x_range: Tuple[int, int]) -> int:
    """Bits of a layer's sums in a cascade: at least one more than its weights have."""
    return max(signed_width(*layer.acc_bounds(*x_range)), layer.weights_width + 1)


def _padded(words: np.ndarray) -> np.ndarray:
    """Pad (layers, steps, ...) to powers of two, so that layer and step are bits of one address."""
    missing = [(0, (1 << (length - 1).bit_length()) - length) for length in words.shape[:2]]
    return np.pad(words, [*missing, *[(0, 0)] * (words.ndim - 2)])
