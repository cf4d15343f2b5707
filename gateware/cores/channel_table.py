"""The activation function of sums that arrive one after another: shift, saturation, tables of constants."""

from __future__ import annotations

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Cat, If, Memory, Mux, Replicate, Signal

from gateware.cores.delay import delayed
from lst_overlay.network import Activation


class ChannelTable(LiteXModule):
    """code = table[saturate(acc >> shift)], one per clock, ``latency`` clocks later.

    No back-pressure: ``ready`` is ignored on both sides.

    channels: the channels of the activation in the order in which their sums arrive, again and again.
    sink:     acc (acc_width bits, signed).
    source:   code (the activation's width, signed).
    """

    latency = 3

    def __init__(self, activation: Activation, channels: range, acc_width: int):
        self.sink = sink = stream.Endpoint([("acc", (acc_width, True))])
        self.source = source = stream.Endpoint([("code", (activation.width, True))])
        stream.set_reset_less(source.payload)

        # # #

        address = Signal(activation.index_width, reset_less=True)
        self.sync += address.eq(entry_of(sink.acc, activation))
        codes = activation.table_q
        if activation.per_channel:
            channel = Signal(max=len(channels))
            self.sync += If(
                sink.valid, If(channel == len(channels) - 1, channel.eq(0)).Else(channel.eq(channel + 1))
            )
            address = Cat(address, delayed(self, channel, 1))
            codes = codes[channels.start : channels.stop].ravel()
        codes = np.pad(codes, (0, (1 << len(address)) - len(codes))) & (1 << activation.width) - 1
        memory = Memory(activation.width, len(codes), init=codes.tolist(), name="table")
        port = memory.get_port(mode=READ_FIRST)
        self.specials += memory, port
        self.comb += [
            sink.ready.eq(1),
            port.adr.eq(address),
            source.valid.eq(delayed(self, sink.valid, self.latency, reset_less=False)),
        ]
        self.sync += source.code.eq(port.dat_r)  # the block RAM's output register


def entry_of(acc: Signal, activation: Activation):
    """An expression for the address of the table entry, saturate(acc >> shift) + 2**(index_width - 1)."""
    index, sign, width = acc[min(activation.shift, len(acc) - 1) :], acc[-1], activation.index_width
    if width == 1:
        return ~sign
    if len(index) < width:
        return Cat(index, *[sign] * (width - 1 - len(index)), ~sign)
    above = index[width - 1 :]
    fits = (above == 0) | (above == (1 << len(above)) - 1)
    return Mux(fits, Cat(index[: width - 1], ~sign), Replicate(~sign, width))
