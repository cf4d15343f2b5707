"""The activation function of all lanes at once: shift, saturation, and a table of constants per lane."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, Memory, Signal

from gateware.cores.channel_table import entry_of
from gateware.cores.delay import delayed
from lst_overlay.network import Activation


class Lookup(LiteXModule):
    """code = table[saturate(acc >> shift)] in every lane and clock, ``latency`` clocks later.

    No back-pressure: ``ready`` is ignored on both sides. Two lanes share a block RAM, one on each port.

    sink:   x0, x1, .. (acc_width bits, signed). source: y0, y1, .. (the activation's width, signed).
    """

    latency = 3

    def __init__(self, activation: Activation, lanes: int, acc_width: int):
        self.sink = sink = stream.Endpoint([(f"x{lane}", (acc_width, True)) for lane in range(lanes)])
        self.source = source = stream.Endpoint(
            [(f"y{lane}", (activation.width, True)) for lane in range(lanes)]
        )

        # # #

        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]
        for pair in range(0, lanes, 2):
            self._add_table(activation, range(pair, min(pair + 2, lanes)))

    def _add_table(self, activation: Activation, lanes) -> None:
        codes = activation.table_q[list(lanes)].reshape(-1) if activation.per_channel else activation.table_q
        mask = (1 << activation.width) - 1
        memory = Memory(
            activation.width,
            len(codes),
            init=[code & mask for code in codes.tolist()],
            name=f"table{lanes[0]}",
        )
        self.specials += memory
        for place, lane in enumerate(lanes):
            port = memory.get_port(mode=READ_FIRST)
            self.specials += port
            address = Signal(activation.index_width, reset_less=True, name=f"address{lane}")
            self.sync += address.eq(entry_of(getattr(self.sink, f"x{lane}"), activation))
            self.comb += port.adr.eq(Cat(address, place) if activation.per_channel else address)
            self.sync += getattr(self.source, f"y{lane}").eq(port.dat_r)  # the block RAM's output register
