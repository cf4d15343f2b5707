"""The classifier of the pixel-pairs engine: logits of two codes per clock, two classes in a multiplier.

sink.x0 +--------+ acc +-----+                 +------------------------+ source.acc
---/--->| array0 |--/->|     | total     low   | the low ones at once,  |-----/----->
   d    | 5 DSPs | 2 u |     |           -/--->| the high ones behind   |     32
        +--------+     |  +  |---/--->    u    | them                   |
sink.x1 +--------+ acc |     |  2 u      high  |                        |
---/--->| array1 |--/->|     |           -/--->|                        |
   d    | 5 DSPs | 2 u +-----+            u    +------------------------+
        +--------+
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import If, Signal

from gateware.cores.argmax import LOGIT_WIDTH
from gateware.cores.cascade import MAX_WEIGHT_WIDTH
from gateware.cores.delay import delayed
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.widths import signed_width
from lst_overlay.network import Layer

LANES = 2


def multipliers(dense: Layer, x_range: Tuple[int, int]) -> int:
    """Return the multipliers of a lane: one for two classes, if a sum and a weight fit it; at least two."""
    packs = signed_width(*dense.acc_bounds(*x_range)) + dense.weights_width <= MAX_WEIGHT_WIDTH
    return max(2, -(-dense.fan_out // 2)) if packs else dense.fan_out


class Classifier(LiteXModule):
    """The logits of one matrix of size x size codes after another.

    A multiplier works on low + high * 2**u, where a sum has u bits: the first half of the classes are in the
    low fields of the multipliers, the others in the high ones.

    No back-pressure: ``ready`` is ignored on both sides.

    x_range: the least and the greatest code.
    sink:    x0, x1 (signed): codes k and size / 2 + k of a column, column after column.
    source:  acc (LOGIT_WIDTH bits, signed): the logits in consecutive clocks.
    """

    def __init__(self, dense: Layer, x_range: Tuple[int, int], size: int):
        classes, width = dense.fan_out, signed_width(*x_range)
        self.sink = sink = stream.Endpoint([("x0", (width, True)), ("x1", (width, True))])
        self.source = source = stream.Endpoint([("acc", (LOGIT_WIDTH, True))])

        # # #

        count, sum_width = multipliers(dense, x_range), signed_width(*dense.acc_bounds(*x_range))
        fields = -(-classes // count)
        config = MacArrayConfig(
            count,
            size * size // LANES,
            width,
            (fields - 1) * sum_width + dense.weights_width,
            block_ram=True,
            sum_width=fields * sum_width,
        )
        # (LANES, classes, columns * half of the rows): codes arrive column by column, the first array takes
        # the upper half of each column and the second array the lower half.
        weights = (
            dense.weights_q.reshape(classes, LANES, size // LANES, size)
            .transpose(1, 0, 3, 2)
            .reshape(LANES, classes, -1)
        )
        total = Signal((fields * sum_width, True), reset_less=True)
        arrays = []
        for lane in range(LANES):
            biases = dense.bias_q if lane == 0 else np.zeros(classes, int)
            array = MacArray(
                config, _packed(weights[lane], count, sum_width), _packed(biases, count, sum_width)
            )
            setattr(self.submodules, f"array{lane}", array)
            self.comb += [array.sink.valid.eq(sink.valid), array.sink.x.eq(getattr(sink, f"x{lane}"))]
            arrays.append(array)
        self.sync += total.eq(arrays[0].source.acc + arrays[1].source.acc)
        valid = delayed(self, arrays[0].source.valid, 1, "valid", reset_less=False)
        if fields == 1:
            self.comb += [source.valid.eq(valid), source.acc.eq(total)]
            return
        # The low field is negative where the field above it reads one too little.
        low = Signal((sum_width, True))
        high = Signal((sum_width, True), reset_less=True)
        logit = Signal((sum_width, True), reset_less=True)
        self.comb += low.eq(total[:sum_width])
        self.sync += high.eq(total[sum_width:] + low[-1])
        waits = [delayed(self, valid, count - 1, "waits", reset_less=False)]
        waits.append(delayed(self, waits[0], 1, "waits", reset_less=False))
        # With an odd number of classes, the last high field belongs to none.
        follows = waits[1] if classes % 2 == 0 else waits[1] & waits[0]
        self.sync += [
            source.valid.eq(valid | follows),
            logit.eq(delayed(self, high, count - 1, "high")),
            If(valid, logit.eq(low)),
        ]
        self.comb += source.acc.eq(logit)


def _packed(numbers: np.ndarray, count: int, sum_width: int) -> np.ndarray:
    """(classes, ...) -> (count, ...): the first ``count``, plus the others times 2**sum_width."""
    low, high = numbers[:count], numbers[count:]
    high = np.pad(high, [(0, len(low) - len(high)), *[(0, 0)] * (numbers.ndim - 1)])
    return low + (high << sum_width) if len(numbers) > count else low
