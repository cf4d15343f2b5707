"""The residual stream: two channels of two tokens are read, and as many written, in each clock.

    bank    = token bit 0 xor channel bit 0, token bit 3 xor channel bit 3
    address = channel div 16, token, channel bits 2 and 1

Whichever of the bits 0 and 3 a token's and a channel's lanes differ in, four results have four banks.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, Memory, Mux, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.array_format import STREAM_BITS

_PLACE = [("over_tokens", 1), ("token", 6), ("channel", 7)]
LANES = [(a, b) for a in range(2) for b in range(2)]  # channel lane, token lane


class StreamMemory(LiteXModule):
    """sink and source of the residual stream; lane <a><b> is channel lane a, token lane b.

    read:  over_tokens, token, channel: those of lane 00. z<a><b> follow ``latency`` clocks later.
    write: the same, and x<a><b>.
    """

    latency = 4

    def __init__(self):
        self.read = read = stream.Endpoint(_PLACE)
        self.write = write = stream.Endpoint(_PLACE + [(f"x{a}{b}", STREAM_BITS) for a, b in LANES])
        self.z = {
            lane: Signal((STREAM_BITS, True), reset_less=True, name="z{}{}".format(*lane)) for lane in LANES
        }

        # # #

        self.comb += [read.ready.eq(1), write.ready.eq(1)]
        banks = []
        for bank in range(4):
            memory = Memory(STREAM_BITS, 1 << 11, name=f"stream{bank}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port
            address = Signal(11, reset_less=True, name=f"read_address{bank}")
            write_address = Signal(11, reset_less=True, name=f"write_address{bank}")
            enable = Signal(name=f"write{bank}")
            data = Signal(STREAM_BITS, reset_less=True, name=f"data{bank}")
            first, second = _lanes_of(bank, write)
            self.sync += [
                address.eq(_address(bank, read)),
                write_address.eq(_address(bank, write)),
                enable.eq(write.valid),
                # Of tokens computed, the first bit is the channel's lane; else it is the token's.
                Case(
                    Cat(Mux(write.over_tokens, second, first), Mux(write.over_tokens, first, second)),
                    {2 * a + b: data.eq(getattr(write, f"x{a}{b}")) for a, b in LANES},
                ),
            ]
            self.comb += [
                read_port.adr.eq(address),
                write_port.adr.eq(write_address),
                write_port.dat_w.eq(data),
                write_port.we.eq(enable),
            ]
            banks.append(delayed(self, read_port.dat_r, 1, name=f"word{bank}_"))
        first, second = _lanes_of(0, read)
        flips = delayed(self, Cat(first, second), 3, name="flips")
        over_tokens = delayed(self, read.over_tokens, 3, name="over_tokens")
        for a, b in LANES:
            bank = Signal(2, name=f"bank{a}{b}")
            self.comb += bank.eq(flips ^ Mux(over_tokens, a + 2 * b, b + 2 * a))
            self.sync += Case(bank, {n: self.z[a, b].eq(word) for n, word in enumerate(banks)})


def _lanes_of(bank: int, place):
    """The lanes that a bank has in bits 0 and 3: of the token and the channel, or the reverse."""
    first = Mux(place.over_tokens, place.token[0], place.channel[0])
    second = Mux(place.over_tokens, place.channel[3], place.token[3])
    return ~first if bank & 1 else first, ~second if bank & 2 else second


def _address(bank: int, place):
    first, second = _lanes_of(bank, place)
    return Cat(
        place.channel[1:3],
        Mux(place.over_tokens, place.token[0], first),
        place.token[1:3],
        Mux(place.over_tokens, second, place.token[3]),
        place.token[4:],
        place.channel[4:],
    )
