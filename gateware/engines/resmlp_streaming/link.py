"""Values on their way to the code buffer of a stage."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Mux, Signal

from gateware.cores.constants import LUT_LATENCY, lut_constant
from gateware.cores.delay import delayed
from gateware.engines.resmlp_streaming.folding import Fold, by_index, index_bits
from gateware.engines.resmlp_streaming.function import Function
from gateware.engines.resmlp_streaming.matrix import Matrix
from gateware.engines.resmlp_streaming.stages import Stage

_PLACED = LUT_LATENCY + 1  # clocks in which an element gets its address


class Link(LiteXModule):
    """Apply the function in front of a stage, and write the codes, a group of vectors into a block.

    inner: of the index of ``element``.
    sink:  x, element, lane, vector, group_ends. No back-pressure.
    code, latency: the function's output and how much later it comes than its value, for tests.
    """

    def __init__(self, stage: Stage, fold: Fold, matrix: Matrix, inner: int):
        self.sink = sink = stream.Endpoint(
            [("x", (stage.input_bits, True)), ("element", sum(index_bits(stage.fan_in, inner)))]
            + [("lane", len(matrix.write.lane)), ("group_ends", 1)]
            + [("vector", max(1, sum(index_bits(stage.vectors, fold.vectors))))]
        )
        channel, channels = (sink.vector, fold.vectors) if stage.over_tokens else (sink.element, inner)
        self.function = function = Function(
            stage.function, len(channel), channels, stage.input_bits, stage.code_bits
        )
        self.code, self.latency = function.source.code, function.latency

        # # #

        clocks, write = fold.clocks, matrix.write
        late = max(function.latency, _PLACED)
        offset_bits = max(1, (clocks - 1).bit_length())
        second = Signal()  # of the two blocks
        words = [element % clocks | element // clocks << offset_bits for element in range(stage.fan_in)]
        place = lut_constant(
            self, "places", sink.element, by_index(words, inner), offset_bits + len(write.part)
        )
        address = Signal.like(write.address, reset_less=True)
        part = delayed(self, place[offset_bits:], 1, name="part")
        self.sync += [
            If(sink.valid & sink.group_ends, second.eq(~second)),
            address.eq(
                place[:offset_bits] + Mux(delayed(self, second, LUT_LATENCY, name="block"), clocks, 0)
            ),
        ]
        self.comb += [
            sink.ready.eq(1),
            function.sink.valid.eq(sink.valid),
            function.sink.x.eq(sink.x),
            function.sink.channel.eq(channel),
            write.valid.eq(delayed(self, sink.valid, late, name="valid", reset_less=False)),
            write.lane.eq(delayed(self, sink.lane, late, name="lane")),
            write.part.eq(delayed(self, part, late - _PLACED, name="part")),
            write.address.eq(delayed(self, address, late - _PLACED, name="address")),
            write.code.eq(delayed(self, self.code, late - function.latency, name="code")),
            matrix.filled.eq(
                delayed(self, sink.valid & sink.group_ends, late, name="filled", reset_less=False)
            ),
        ]
