"""The tables of all functions: two neighbouring entries for each result, every clock.

A table's even entries are in one memory, its odd ones in another; so are the channels of either parity (bit 3
xor bit 0), of which a pair always has both. Each memory has two ports, one for each token. Where two results
leave in a clock, the channels of both parities are in one memory, with a port for each result.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, Memory, Mux, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.resmlp.array_format import ROW_STEP, ArrayFormat

INDEX_BITS = 6


class TableMemory(LiteXModule):
    """low and high of lane <a><b>: entries m and m + 1, ``latency`` clocks after m<a><b>.

    sink: over_tokens; flip: the parity of channel lane 0; slot: that of lane 00; m<a><b>.
    load: address; data: an entry of each memory, 8 bits each. Not while images are in the engine.
    """

    latency = 4

    def __init__(self, fmt: ArrayFormat):
        bits, slot_bits = fmt.code_bits, (fmt.table_slots - 1).bit_length()
        self.sink = sink = stream.Endpoint(
            [("over_tokens", 1), ("flip", 1), ("slot", slot_bits)]
            + [(f"m{a}{b}", INDEX_BITS) for a, b in fmt.lanes]
        )
        self.load = load = stream.Endpoint([("address", slot_bits + INDEX_BITS - 1), ("data", 32)])
        self.low, self.high = (
            {
                lane: Signal((bits, True), reset_less=True, name="{}{}{}".format(name, *lane))
                for lane in fmt.lanes
            }
            for name in ("low", "high")
        )

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]
        loading = delayed(self, load.valid, 1, name="loading", reset_less=False)
        data = delayed(self, load.data, 1, name="data")
        entries = {}
        for parity in range(fmt.column_lanes):
            if fmt.column_lanes == 2:
                m = [Signal(INDEX_BITS, name=f"m{parity}_{b}") for b in range(2)]
                slot = Signal(slot_bits, name=f"slot{parity}")
                slots = [slot, slot]
                lane = Signal(name=f"lane{parity}")  # of the channel with this parity
                self.comb += [
                    lane.eq(sink.flip ^ parity),
                    slot.eq(sink.slot | Mux(lane & ~sink.over_tokens, 4, 0)),
                    *[m[b].eq(Mux(lane, getattr(sink, f"m1{b}"), getattr(sink, f"m0{b}"))) for b in range(2)],
                ]
            else:
                m = [sink.m00, sink.m11]
                slots = [sink.slot, sink.slot | Mux(sink.over_tokens, 0, ROW_STEP)]
            for odd in range(2):
                memory = Memory(bits, fmt.table_slots << INDEX_BITS - 1, name=f"tables{parity}{odd}")
                self.specials += memory
                for b in range(2):
                    port = memory.get_port(write_capable=b == 0, mode=READ_FIRST)
                    self.specials += port
                    entry = Signal(INDEX_BITS - 1, name=f"entry{parity}{odd}{b}")
                    address = Signal(len(load.address), reset_less=True, name=f"address{parity}{odd}{b}")
                    self.comb += [
                        entry.eq(m[b][1:] if odd else m[b][1:] + m[b][0]),
                        port.adr.eq(address),
                    ]
                    place = Cat(entry, slots[b])
                    if b == 0:
                        at = 8 * (2 * parity + odd)
                        self.sync += address.eq(Mux(load.valid, load.address, place))
                        self.comb += [port.we.eq(loading), port.dat_w.eq(data[at : at + bits])]
                    else:
                        self.sync += address.eq(place)
                    entries[parity, odd, b] = delayed(self, port.dat_r, 1, name=f"entry{parity}{odd}{b}_")
        flip = delayed(self, sink.flip, 3, name="flip")
        for a, b in fmt.lanes:
            is_odd = delayed(self, getattr(sink, f"m{a}{b}")[0], 3, name=f"is_odd{a}{b}_")
            for output, swapped in ((self.low, 0), (self.high, 1)):
                self.sync += Case(
                    Cat(is_odd, flip),
                    {
                        odd + 2 * f: output[a, b].eq(entries[(a ^ f) % fmt.column_lanes, odd ^ swapped, b])
                        for odd in range(2)
                        for f in range(2)
                    },
                )
