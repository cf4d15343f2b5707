"""The codes that enter matrices: 16 tokens of a channel, or 16 channels of a token, are read at once.

bank    = (token xor channel) mod 16
address = slot (16 channels of all tokens), group of 16 tokens, channel mod 16

read (stage 0)  +---------+ 1   +----------+ 3    +--------------------+ 5
--------------->| address |---->| 16 banks |--/-->| exchange of lanes  |--/--> x0 .. x15
                +---------+     | 2048     | 16 x | by `low`, two steps| 16 x
                                +----------+ code +--------------------+ code
write  +-------+     +-------------+    ^
------>| banks |---->| codes to    |----+
       +-------+     | their banks |
pixel ---------------+-------------+
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, If, Memory, Mux, Record, Signal

from gateware.cores.delay import delayed
from gateware.engines.resmlp_array.sequencer import STEP
from lst_overlay.network.resmlp.array_format import COLUMNS, ArrayFormat

BANKS = COLUMNS


class CodeMemory(LiteXModule):
    """Read 16 codes per clock, write the results of a multiplier and at most one pixel.

    step:  the record of the sequencer.
    x:     16 codes, 5 clocks after ``step``: those of 16 tokens or of 16 channels, in their order.
    write: valid; over_tokens; token, channel (of the slot), slot: those of code00. code<a><b>: the codes of
           channel lane a and token lane b, see `ArrayFormat.lanes`. It is written 2 clocks later.
    pixel: slot, token, channel (mod 16), code. It waits for results of the same quarter of the banks.
    collision: for tests: a result and a pixel are written to one bank.
    """

    latency = 5
    write_latency = 2

    def __init__(self, fmt: ArrayFormat):
        bits = fmt.code_bits
        self.step = step = Record(STEP, name="step")
        self.x = [Signal((bits, True), name=f"x{lane}") for lane in range(BANKS)]
        self.write = write = stream.Endpoint(
            [("over_tokens", 1), ("slot", 5), ("token", 6), ("channel", 4)]
            + [(f"code{a}{b}", bits) for a, b in fmt.lanes]
        )
        self.collision = Signal()
        self.pixel = pixel = stream.Endpoint([("slot", 5), ("token", 6), ("channel", 4), ("code", bits)])

        # # #

        self.comb += write.ready.eq(1)

        # A result: what depends on the bank first, then its code.
        first_bank = Signal(4)
        self.comb += first_bank.eq(write.token[:4] ^ write.channel)
        group = delayed(self, write.token[4:], 1, name="group")
        slot = delayed(self, write.slot, 1, name="slot")
        common = slice(fmt.column_lanes - 1, 3)  # bits in which results of one clock do not differ
        middle = delayed(self, write.channel[common], 1, name="middle")
        codes = [delayed(self, getattr(write, f"code{a}{b}"), 1, name=f"code{a}{b}_") for a, b in fmt.lanes]

        # A pixel, whose bank is not one that the results of this clock can need.
        pixel_bank = Signal(4)
        accepted = Signal()
        self.comb += [
            pixel_bank.eq(pixel.token[:4] ^ pixel.channel),
            pixel.ready.eq(~(write.valid & (pixel_bank[1:3] == first_bank[1:3]))),
            accepted.eq(pixel.valid & pixel.ready),
        ]
        pixel_valid = delayed(self, accepted, 1, name="pixel_valid", reset_less=False)
        pixel_place = delayed(self, pixel_bank, 1, name="pixel_place")
        pixel_address = delayed(
            self, Cat(pixel.channel, pixel.token[4:], pixel.slot), 1, name="pixel_address"
        )
        pixel_code = delayed(self, pixel.code, 1, name="pixel_code")

        low3 = delayed(self, step.low, 3, name="low")
        low4 = delayed(self, low3, 1, name="low_high")
        read = []
        collisions = []
        for bank in range(BANKS):
            memory = Memory(bits, 1 << 11, name=f"codes{bank}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port

            address = Signal(11, reset_less=True, name=f"address{bank}")
            word = Signal((bits, True), reset_less=True, name=f"word{bank}")
            self.sync += [
                address.eq(Cat(step.low ^ Mux(step.over_tokens, bank, 0), step.group, step.slot)),
                word.eq(read_port.dat_r),
            ]
            self.comb += read_port.adr.eq(address)
            read.append(word)

            # The bank's place among those of the results; half and next: the lanes of rows and of columns.
            place = Signal(4, name=f"place{bank}")
            half, following = place[3], place[0]
            hit = Signal(name=f"hit{bank}")
            channel3 = write.channel[3] ^ (~write.over_tokens & half)
            self.comb += place.eq(first_bank ^ bank)
            self.sync += hit.eq(write.valid & (place[common] == 0))
            if fmt.column_lanes == 2:
                channel_lane = Signal(reset_less=True, name=f"channel_lane{bank}")
                token_lane = Signal(reset_less=True, name=f"token_lane{bank}")
                channel_ends = Signal(2, reset_less=True, name=f"channel_ends{bank}")
                self.sync += [
                    channel_lane.eq(Mux(write.over_tokens, following, half)),
                    token_lane.eq(Mux(write.over_tokens, half, following)),
                    channel_ends.eq(Cat(write.channel[0] ^ (write.over_tokens & following), channel3)),
                ]
                lane, channel = Cat(token_lane, channel_lane), (channel_ends[0], middle, channel_ends[1])
            else:
                lane = Signal(reset_less=True, name=f"lane{bank}")
                channel_end = Signal(reset_less=True, name=f"channel_end{bank}")
                self.sync += [lane.eq(half), channel_end.eq(channel3)]
                channel = (middle, channel_end)
            is_pixel = Signal(name=f"is_pixel{bank}")
            self.comb += is_pixel.eq(pixel_valid & (pixel_place == bank))
            collisions.append(is_pixel & hit)
            enable = Signal(name=f"write{bank}")
            place_of_write = Signal(11, reset_less=True, name=f"write_address{bank}")
            data = Signal(bits, reset_less=True, name=f"data{bank}")
            self.sync += [
                enable.eq(hit | is_pixel),
                place_of_write.eq(Cat(*channel, group, slot)),
                Case(lane, {n: data.eq(code) for n, code in enumerate(codes)}),
                If(is_pixel, place_of_write.eq(pixel_address), data.eq(pixel_code)),
            ]
            self.comb += [
                write_port.adr.eq(place_of_write),
                write_port.dat_w.eq(data),
                write_port.we.eq(enable),
            ]
        self.comb += self.collision.eq(Cat(*collisions) != 0)

        near = [Signal(bits, reset_less=True, name=f"near{lane}") for lane in range(BANKS)]
        for lane in range(BANKS):
            self.sync += [
                Case(low3[:2], {n: near[lane].eq(read[lane ^ n]) for n in range(4)}),
                Case(low4[2:], {n: self.x[lane].eq(near[lane ^ 4 * n]) for n in range(4)}),
            ]
