"""One dense layer on pixels of any shape, one pixel per clock."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream

from gateware.cores.argmax import LOGIT_WIDTH, Argmax
from gateware.cores.mac_array import MacArray, MacArrayConfig
from gateware.cores.widths import signed_width
from lst_overlay.network import Network


class Pipeline(LiteXModule):
    """Multiply the pixels by the weights of all classes, one pixel per clock.

    sink:   data, the code of a pixel.
    source: word (32 bits), the logits and then the class with ``last``; no back-pressure.
    """

    def __init__(self, network: Network):
        (dense,) = network.layers
        self.sink = sink = stream.Endpoint([("data", network.pixel_bits)])
        self.dense = layer = MacArray(
            MacArrayConfig(
                dense.fan_out,
                dense.fan_in,
                network.pixel_bits + 1,  # Codes are unsigned.
                dense.weights_width,
                block_ram=True,
                sum_width=signed_width(*dense.acc_bounds(*network.input_ranges[0])),
            ),
            dense.weights_q,
            dense.bias_q,
        )
        self.classify = Argmax(LOGIT_WIDTH, network.classes)
        self.source = self.classify.source
        self.interval = dense.fan_in

        # # #

        self.comb += [
            layer.sink.valid.eq(sink.valid),
            layer.sink.x.eq(sink.data),
            self.classify.sink.valid.eq(layer.source.valid),
            self.classify.sink.acc.eq(layer.source.acc),
        ]
