"""The residual stream: the values of a clock's results are read, and as many written, in each clock.

    bank    = token bit 0 xor channel bit 0, token bit 3 xor channel bit 3
    address = channel div 16, token, channel bits 2 and 1

Whichever of the bits 0 and 3 a token's and a channel's lanes differ in, four results have four banks. Two
results differ in bit 3 alone, and have two banks; the channel's bit 0 is then in the address.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, Memory, Mux, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.array_format import STREAM_BITS, ArrayFormat

_PLACE = [("over_tokens", 1), ("token", 6), ("channel", 7)]


class StreamMemory(LiteXModule):
    """sink and source of the residual stream; lane <a><b> is channel lane a, token lane b.

    read:  over_tokens, token, channel: those of lane 00. z<a><b> follow ``latency`` clocks later.
    write: the same, and x<a><b>.
    """

    latency = 4

    def __init__(self, fmt: ArrayFormat):
        self.read = read = stream.Endpoint(_PLACE)
        self.write = write = stream.Endpoint(_PLACE + [(f"x{a}{b}", STREAM_BITS) for a, b in fmt.lanes])
        self.z = {
            lane: Signal((STREAM_BITS, True), reset_less=True, name="z{}{}".format(*lane))
            for lane in fmt.lanes
        }

        # # #

        self.comb += [read.ready.eq(1), write.ready.eq(1)]
        banks, address_bits = [], 13 - len(fmt.lanes) // 2
        for bank in range(len(fmt.lanes)):
            memory = Memory(STREAM_BITS, 1 << address_bits, name=f"stream{bank}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port
            address = Signal(address_bits, reset_less=True, name=f"read_address{bank}")
            write_address = Signal(address_bits, reset_less=True, name=f"write_address{bank}")
            enable = Signal(name=f"write{bank}")
            data = Signal(STREAM_BITS, reset_less=True, name=f"data{bank}")
            lanes = _lanes_of(bank, write, fmt)
            self.sync += [
                address.eq(_address(bank, read, fmt)),
                write_address.eq(_address(bank, write, fmt)),
                enable.eq(write.valid),
                Case(
                    _number(write.over_tokens, lanes),
                    {n: data.eq(getattr(write, f"x{a}{b}")) for n, (a, b) in enumerate(fmt.lanes)},
                ),
            ]
            self.comb += [
                read_port.adr.eq(address),
                write_port.adr.eq(write_address),
                write_port.dat_w.eq(data),
                write_port.we.eq(enable),
            ]
            banks.append(delayed(self, read_port.dat_r, 1, name=f"word{bank}_"))
        flips = delayed(self, Cat(*_lanes_of(0, read, fmt)), 3, name="flips")
        over_tokens = delayed(self, read.over_tokens, 3, name="over_tokens")
        for a, b in fmt.lanes:
            bank = Signal(len(flips), name=f"bank{a}{b}")
            lane = Mux(over_tokens, a + 2 * b, b + 2 * a) if fmt.column_lanes == 2 else a
            self.comb += bank.eq(flips ^ lane)
            self.sync += Case(bank, {n: self.z[a, b].eq(word) for n, word in enumerate(banks)})


def _lanes_of(bank: int, place, fmt: ArrayFormat) -> list:
    """The lanes that a bank has: of columns (in bit 0) if there are two, and of rows (in bit 3)."""
    column = Mux(place.over_tokens, place.token[0], place.channel[0])
    row = Mux(place.over_tokens, place.channel[3], place.token[3])
    lanes = [column, row] if fmt.column_lanes == 2 else [row]
    return [~lane if bank >> n & 1 else lane for n, lane in enumerate(lanes)]


def _number(over_tokens, lanes: list):
    """The number of a lane in `ArrayFormat.lanes`. Of tokens computed, the columns are channels."""
    if len(lanes) == 1:
        return lanes[0]
    column, row = lanes
    return Cat(Mux(over_tokens, row, column), Mux(over_tokens, column, row))


def _address(bank: int, place, fmt: ArrayFormat):
    *column, row = _lanes_of(bank, place, fmt)
    low = [Mux(place.over_tokens, place.token[0], lane) for lane in column] + [place.token[len(column) : 3]]
    return Cat(
        place.channel[len(column) : 3],
        *low,
        Mux(place.over_tokens, row, place.token[3]),
        place.token[4:],
        place.channel[4:],
    )
