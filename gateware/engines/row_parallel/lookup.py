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

    No back-pressure: ``ready`` is ignored on both sides. Two lanes share a block RAM, one on each port, or
    each has its table in LUTs.

    in_luts: where the tables are; those in LUTs are a clock faster.
    sink:   x0, x1, .. (acc_width bits, signed). source: y0, y1, .. (the activation's width, signed).
    """

    def __init__(self, activation: Activation, lanes: int, acc_width: int, in_luts: bool = False):
        self.latency = 2 if in_luts else 3
        self.sink = sink = stream.Endpoint([(f"x{lane}", (acc_width, True)) for lane in range(lanes)])
        self.source = source = stream.Endpoint(
            [(f"y{lane}", (activation.width, True)) for lane in range(lanes)]
        )

        # # #

        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]
        step = 1 if in_luts else 2
        for first in range(0, lanes, step):
            self._add_table(activation, range(first, min(first + step, lanes)), in_luts)

    def _add_table(self, activation: Activation, lanes, in_luts: bool) -> None:
        codes = activation.table_q[list(lanes)].reshape(-1) if activation.per_channel else activation.table_q
        mask = (1 << activation.width) - 1
        memory = Memory(
            activation.width,
            len(codes),
            init=[code & mask for code in codes.tolist()],
            name=f"table{lanes[0]}",
        )
        memory.in_luts = in_luts
        self.specials += memory
        for place, lane in enumerate(lanes):
            port = memory.get_port(mode=READ_FIRST, async_read=in_luts)
            self.specials += port
            address = Signal(activation.index_width, reset_less=True, name=f"address{lane}")
            self.sync += address.eq(entry_of(getattr(self.sink, f"x{lane}"), activation))
            self.comb += port.adr.eq(Cat(address, place) if activation.per_channel else address)
            code = getattr(self.source, f"y{lane}")
            self.sync += code.eq(port.dat_r)  # of a block RAM, its output register
