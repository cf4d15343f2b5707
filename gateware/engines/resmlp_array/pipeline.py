"""The ResMLP array: pixels in, logits and class out, one image after another.

sink   +-------------+     +------------+  16 x  +-----------------+ 4 x 18 +-----------+
--/--->| PixelWriter |---->| CodeMemory |---/--->| MultiplierArray |---/--->| PostLanes |--+
  8    +-------------+     | 16 banks   |  code  | 64 multipliers  |        | 16 multi- |  |
                           +------------+        +-----------------+        | pliers    |  |
                             ^    ^                  ^       |              +-----------+  |
       +-----------+ step    |    | 4 codes          |       |                ^   |        |
       | Sequencer |---------+    +------------------|-------|----------------|---+        |
       |           |---> WeightMemory ---------------+       |                |            |
       |           | finished, tile       +---------+ result |                |            |
       |           |--------------------->| Results |--------|----------------+            |
       +-----------+                      +---------+        +                             |
                                                                              +------+ x   |
                                                         source <------32-----| Head |<----+
                                                                              +------+
"""

from __future__ import annotations

from litex.gen import LiteXModule

from gateware.cores.delay import delayed
from gateware.engines.resmlp_array.code_memory import CodeMemory
from gateware.engines.resmlp_array.head import Head
from gateware.engines.resmlp_array.multiplier_array import MultiplierArray
from gateware.engines.resmlp_array.pixel_writer import PixelWriter
from gateware.engines.resmlp_array.post_lanes import PostLanes
from gateware.engines.resmlp_array.results import Results
from gateware.engines.resmlp_array.sequencer import Sequencer
from gateware.engines.resmlp_array.weight_memory import WeightMemory
from lst_overlay.network.resmlp.array_format import ArrayFormat


class Pipeline(LiteXModule):
    """Classify images whose pixels arrive with any pauses.

    The diagram has the widths of four products in a multiplier.

    sink:   word (8 bits), bytes of pixels.
    source: word (32 bits), the logits and then the class with ``last``; no back-pressure.
    has_credit: the results of one more image have room. started: high for one clock when one is admitted.
    starved, blocked: as `Engine` says.
    loads:  a load endpoint for each section of the parameters after the fields.
    mean_shift, channels: fields of the parameters.
    """

    def __init__(self, fmt: ArrayFormat):
        self.pixels = pixels = PixelWriter(fmt)
        self.sequencer = sequencer = Sequencer(fmt)
        self.codes = codes = CodeMemory(fmt)
        self.weights = weights = WeightMemory(fmt)
        self.array = array = MultiplierArray(fmt)
        self.results = results = Results(fmt)
        self.lanes = lanes = PostLanes(fmt)
        self.head = head = Head(fmt)
        self.sink, self.source = pixels.sink, head.source
        self.has_credit, self.started = sequencer.has_credit, sequencer.started
        self.starved, self.blocked = sequencer.starved, sequencer.blocked
        self.mean_shift, self.channels = head.mean_shift, head.channels
        self.loads = {
            "passes": sequencer.load,
            "weights": weights.load,
            **lanes.loads,
            "classifier_weights": head.weights,
            "classifier_bias": head.bias,
        }

        # # #

        step = sequencer.step
        assert results.latency + 4 == array.latency and codes.latency == array.operand_latency
        self.comb += [
            pixels.source.connect(codes.pixel),
            pixels.released.eq(sequencer.released),
            sequencer.has_image.eq(pixels.has_image),
            sequencer.head_free.eq(head.free),
            head.begins.eq(sequencer.last_started),
            codes.step.raw_bits().eq(step.raw_bits()),
            weights.address.eq(step.weights),
            array.first.eq(step.first),
            array.finished.eq(sequencer.finished),
            *[lane.eq(code) for lane, code in zip(array.x, codes.x)],
            array.weights.eq(
                delayed(self, weights.word, array.operand_latency - weights.latency, name="weights")
            ),
            results.finished.eq(sequencer.finished),
            results.tile.raw_bits().eq(sequencer.tile.raw_bits()),
            lanes.result.raw_bits().eq(results.result.raw_bits()),
            *[lane.eq(array.sums[place]) for place, lane in lanes.sums.items()],
            lanes.codes.connect(codes.write),
            lanes.stream.connect(head.sink, omit={"valid", "over_tokens", "is_last"}),
            head.sink.valid.eq(lanes.stream.valid & lanes.stream.is_last),
        ]
