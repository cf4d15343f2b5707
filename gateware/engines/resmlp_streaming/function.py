"""What turns the values of the residual stream, or of hidden channels, into codes: an affine, or a table."""

from __future__ import annotations

from typing import List, Optional, Union

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, If, Memory, Mux, Signal

from gateware.cores.constants import LUT_LATENCY, lut_constant
from gateware.cores.delay import delayed
from gateware.cores.requantiser import Requantiser
from gateware.engines.resmlp_streaming.folding import by_index
from lst_overlay.network.resmlp import Add, Affine, Table
from lst_overlay.network.resmlp.array_format import UNIT_SHIFT

BLOCK = 2048  # words of a RAMB18 of eight bits
FACTOR_BITS = 24


def factors(layer: Union[Affine, Add]) -> List[int]:
    """For each channel what a `Requantiser` multiplies by, and above it the bias."""
    factor = layer.weights_q << UNIT_SHIFT - layer.shift
    return ((factor & (1 << FACTOR_BITS) - 1) + (layer.bias_q << FACTOR_BITS)).tolist()


class Function(LiteXModule):
    """A code for each value, ``latency`` clocks later. No back-pressure.

    sink:   x (input_bits, signed), channel: the index of `by_index` with ``inner`` at a time.
    source: code.
    """

    def __init__(
        self,
        layer: Optional[Union[Affine, Table]],
        channel_bits: int,
        inner: int,
        input_bits: int,
        code_bits: int,
    ):
        self.sink = sink = stream.Endpoint([("x", (input_bits, True)), ("channel", channel_bits)])
        self.source = source = stream.Endpoint([("code", (code_bits, True))])

        # # #

        self.comb += [sink.ready.eq(1), source.valid.eq(sink.valid)]
        if layer is None:
            self.latency = 0
            self.comb += source.code.eq(sink.x)
        elif isinstance(layer, Affine):
            word = lut_constant(
                self, "factors", sink.channel, by_index(factors(layer), inner), FACTOR_BITS + 8, FACTOR_BITS
            )
            factor, bias = Signal((FACTOR_BITS, True)), Signal((8, True))
            self.comb += [
                factor.eq(word[:FACTOR_BITS]),
                bias.eq(delayed(self, word[FACTOR_BITS:], 1, name="bias")),
            ]
            x = delayed(self, sink.x, LUT_LATENCY, name="x")
            self.requantiser = requantiser = Requantiser(factor, x, bias, code_bits)
            self.latency = LUT_LATENCY + requantiser.latency
            self.comb += source.code.eq(requantiser.y)
        else:
            self._table(layer, inner, input_bits)

    def _table(self, layer: Table, inner: int, input_bits: int) -> None:
        """Add the line between two entries of the channel's table."""
        channels, entries = layer.table_q.shape
        index_bits = (entries - 1).bit_length()
        places = input_bits - index_bits  # between two entries
        channel, x = self.sink.channel, self.sink.x
        wait = 0
        if inner & (inner - 1) and inner < channels:  # the index has gaps, the tables none
            wait = LUT_LATENCY
            bits = (channels - 1).bit_length()
            channel = lut_constant(self, "channels", channel, by_index(range(channels), inner), bits)
            # With a reset it cannot become a shift register, whose output would be late.
            x = delayed(self, x, wait, name="x", reset_less=False)
        index = Cat(*[x[place] for place in range(places, input_bits - 1)], ~x[-1])
        following = Signal(index_bits)
        self.comb += following.eq(index + 1)
        low, high = self._entries(layer, Cat(index, channel), Cat(following, channel))
        ends = delayed(self, index == entries - 1, _ENTRIES, name="ends")
        part = delayed(self, x[:places], _ENTRIES, name="part")
        rise = Signal((layer.bits + 1, True), reset_less=True)
        self.sync += rise.eq(high - low)
        part = delayed(self, Mux(ends, 0, part), 1, name="way")
        low = delayed(self, low, 1, name="low")
        total, half = None, 1 << places - 1
        for place in range(places):
            added = Signal((layer.bits + 1 + places, True), reset_less=True, name=f"way{place}_")
            term = Signal((len(added), True), name=f"term{place}_")
            self.comb += If(part[place], term.eq(rise << place))
            self.sync += added.eq((half if total is None else total) + term)
            total = added
            part, low = (
                delayed(self, part, 1, name=f"part{place}_"),
                delayed(self, low, 1, name=f"low{place}_"),
            )
            rise = delayed(self, rise, 1, name=f"rise{place}_")
        code = Signal((layer.bits, True), reset_less=True)
        self.sync += code.eq(low + (total >> places))
        self.latency = wait + _ENTRIES + 1 + places + 1
        self.comb += self.source.code.eq(code)

    def _entries(self, layer: Table, *addresses):
        """The entries at two addresses, _ENTRIES clocks later, from block RAMs with two ports."""
        words = (layer.table_q & (1 << layer.bits) - 1).ravel().tolist()
        late = [delayed(self, address, 1, name=f"address{port}_") for port, address in enumerate(addresses)]
        found = [[], []]
        for first in range(0, len(words), BLOCK):
            part = words[first : first + BLOCK]
            memory = Memory(layer.bits, len(part), init=part, name=f"table{first // BLOCK}_")
            self.specials += memory
            for number, address in enumerate(late):
                port = memory.get_port(mode=READ_FIRST)
                self.specials += port
                self.comb += port.adr.eq(address[: (len(part) - 1).bit_length()])
                found[number].append(delayed(self, port.dat_r, 1, name=f"entry{first // BLOCK}_{number}_"))
        entries = []
        for number, blocks in enumerate(found):
            entry = Signal((layer.bits, True), reset_less=True, name=f"entry{number}")
            if len(blocks) == 1:
                self.sync += entry.eq(blocks[0])
            else:
                block = delayed(self, late[number][(BLOCK - 1).bit_length() :], 2, name=f"block{number}_")
                self.sync += Case(
                    block,
                    {**dict(enumerate(map(entry.eq, blocks[:-1]))), "default": entry.eq(blocks[-1])},
                )
            entries.append(entry)
        return entries


_ENTRIES = 4
