"""The activation function of all lanes at once: shift, saturation, and a table of constants per lane."""

from __future__ import annotations

from typing import List

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Array, Cat, Memory, Signal

from gateware.cores.channel_table import entry_of
from gateware.cores.delay import delayed
from lst_overlay.network import Activation

LUT_INPUTS = 6


class Lookup(LiteXModule):
    """code = table[saturate(acc >> shift)] in every lane and clock, ``latency`` clocks later.

    No back-pressure: ``ready`` is ignored on both sides. Two lanes share a block RAM, one on each port; or
    each has its table in LUTs.

    in_luts: where the tables are.
    sink:   x0, x1, .. (acc_width bits, signed). source: y0, y1, .. (the activation's width, signed).
    """

    latency = 3

    def __init__(self, activation: Activation, lanes: int, acc_width: int, in_luts: bool = False):
        self.sink = sink = stream.Endpoint([(f"x{lane}", (acc_width, True)) for lane in range(lanes)])
        self.source = source = stream.Endpoint(
            [(f"y{lane}", (activation.width, True)) for lane in range(lanes)]
        )

        # # #

        self.comb += [
            sink.ready.eq(1),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]
        addresses = []
        for lane in range(lanes):
            address = Signal(activation.index_width, reset_less=True, name=f"address{lane}")
            self.sync += address.eq(entry_of(getattr(sink, f"x{lane}"), activation))
            addresses.append(address)
        if in_luts:
            for lane in range(lanes):
                self._add_luts(activation, lane, addresses[lane])
        else:
            for pair in range(0, lanes, 2):
                self._add_block_ram(activation, range(pair, min(pair + 2, lanes)), addresses)

    def _add_block_ram(self, activation: Activation, lanes, addresses: List[Signal]) -> None:
        codes = activation.table_q[list(lanes)].reshape(-1) if activation.per_channel else activation.table_q
        memory = Memory(
            activation.width, len(codes), init=_unsigned(codes, activation), name=f"table{lanes[0]}"
        )
        self.specials += memory
        for place, lane in enumerate(lanes):
            port = memory.get_port(mode=READ_FIRST)
            self.specials += port
            address = addresses[lane]
            self.comb += port.adr.eq(Cat(address, place) if activation.per_channel else address)
            self.sync += getattr(self.source, f"y{lane}").eq(port.dat_r)  # the block RAM's output register

    def _add_luts(self, activation: Activation, lane: int, address: Signal) -> None:
        """Add the table of a lane: parts of as many entries as a LUT has, one of which is taken."""
        codes = activation.table_q[lane] if activation.per_channel else activation.table_q
        low = min(LUT_INPUTS, activation.index_width)
        parts = np.reshape(_unsigned(codes, activation), (-1, 1 << low))
        words = [
            sum(int(code) << activation.width * part for part, code in enumerate(word)) for word in parts.T
        ]
        memory = Memory(activation.width * len(parts), len(words), init=words, name=f"table{lane}")
        memory.in_luts = True
        port = memory.get_port(async_read=True)
        self.specials += memory, port
        read = [
            Signal(activation.width, reset_less=True, name=f"part{lane}_{part}") for part in range(len(parts))
        ]
        self.comb += port.adr.eq(address[:low])
        self.sync += Cat(*read).eq(port.dat_r)
        code = read[0]
        if len(read) > 1:
            part = Signal(max=len(read), reset_less=True, name=f"part_of{lane}")
            self.sync += part.eq(address[low:])
            code = Array(read)[part]
        self.sync += getattr(self.source, f"y{lane}").eq(code)


def _unsigned(codes: np.ndarray, activation: Activation) -> List[int]:
    return (codes & (1 << activation.width) - 1).tolist()
