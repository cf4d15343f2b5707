"""A `LaneArray` of constant weights that counts the elements of its vectors itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal

from gateware.cores.lane_array import LaneArray, LaneArrayConfig


@dataclass(frozen=True)
class MacArrayConfig:
    """``lanes`` dot products of ``depth`` products each; weights of lane o at address k in its own memory.

    sum_width: bits of the sums, if they need fewer than the widths of their products imply.
    """

    lanes: int
    depth: int
    x_width: int
    weight_width: int
    block_ram: bool = False
    sum_width: Optional[int] = None

    def __post_init__(self):
        if self.depth < self.lanes:
            raise ValueError(
                f"depth must be at least lanes ({self.lanes}), so that results leave before the next "
                f"ones are due, not {self.depth}"
            )

    @property
    def acc_width(self) -> int:
        # Holds depth products of the two most negative codes; never more than the 32 bits of a logit, in
        # which two's complement arithmetic is exact because the exporter refuses sums of more than 31 bits.
        return self.sum_width or min(32, self.x_width + self.weight_width + (self.depth - 1).bit_length())

    @property
    def array(self) -> LaneArrayConfig:
        return LaneArrayConfig(
            self.lanes, self.depth, self.x_width, self.weight_width, self.acc_width, self.block_ram
        )


class MacArray(LiteXModule):
    """Dot products of a stream of vectors with ``lanes`` sets of weights.

    No back-pressure: ``ready`` is ignored on both sides.

    sink:    x (x_width, signed); ``depth`` of them are one vector. Clocks without data are allowed anywhere.
    source:  acc (acc_width, signed), lane 0 first, in consecutive clocks.
    weights, biases, load: those of `LaneArray`.
    """

    def __init__(
        self, cfg: MacArrayConfig, weights: Optional[np.ndarray] = None, biases: Optional[np.ndarray] = None
    ):
        self.sink = sink = stream.Endpoint([("x", (cfg.x_width, True))])
        self.array = array = LaneArray(cfg.array, weights, biases)
        self.source, self.load = array.source, array.load

        # # #

        address = Signal(cfg.array.address_width)
        last = Signal()
        self.comb += [
            sink.ready.eq(1),
            last.eq(address == cfg.depth - 1),
            array.sink.valid.eq(sink.valid),
            array.sink.x.eq(sink.x),
            array.sink.address.eq(address),
            array.sink.first.eq(address == 0),
            array.sink.last.eq(last),
        ]
        self.sync += If(sink.valid, If(last, address.eq(0)).Else(address.eq(address + 1)))
