"""The activation function with loadable tables: arithmetic shift, saturation to the index, table.

A stage has one table for all channels, or one for each channel.
"""

from __future__ import annotations

from dataclasses import dataclass

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, If, Memory, Replicate, Signal

from gateware.cores.delay import delayed


@dataclass(frozen=True)
class ActivationTableConfig:
    """Channels are the lanes of the MacArray before the table.

    index_width:             of one table for all channels.
    index_width_per_channel: of a table for each channel.
    """

    acc_width: int
    index_width: int
    code_width: int
    lanes: int
    index_width_per_channel: int

    def __post_init__(self):
        if not self.index_width < self.acc_width <= 32:
            raise ValueError(
                f"acc_width must be above index_width ({self.index_width}) and at most 32, "
                f"not {self.acc_width}"
            )
        if not 2 <= self.index_width_per_channel < self.index_width:
            raise ValueError(
                f"index_width_per_channel must be at least 2 and below index_width ({self.index_width}), "
                f"not {self.index_width_per_channel}"
            )
        if self.index_width > self.address_width:
            raise ValueError(
                f"tables of {self.lanes} channels must have room for the one of all: address_width must be "
                f"at least index_width ({self.index_width}), not {self.address_width}"
            )

    @property
    def lane_width(self) -> int:
        return (self.lanes - 1).bit_length()

    @property
    def address_width(self) -> int:
        return self.lane_width + self.index_width_per_channel


class ActivationTable(LiteXModule):
    """code = table[saturate(acc >> shift)]; one per clock, 7 clocks later.

    No back-pressure: ``ready`` is ignored on both sides.

    sink:        acc (acc_width, signed) and its lane.
    source:      code (code_width, signed).
    shift:       0..31, constant while data is in the module.
    per_channel: each lane has a table of its own, with the narrower index; constant while data is in the
                 module.
    load:        one entry per clock: lane, address (index_width_per_channel), data (code_width, signed);
                 address 0 is the most negative index. One table for all channels fills lane 0, then lane 1,
                 and so on.
    """

    def __init__(self, cfg: ActivationTableConfig):
        self.sink = sink = stream.Endpoint([("acc", (cfg.acc_width, True)), ("lane", cfg.lane_width)])
        self.source = source = stream.Endpoint([("code", (cfg.code_width, True))])
        self.shift = shift = Signal(5)
        self.per_channel = per_channel = Signal()
        self.load = load = stream.Endpoint(
            [("lane", cfg.lane_width), ("address", cfg.index_width_per_channel), ("data", cfg.code_width)]
        )
        stream.set_reset_less(source.payload)

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]

        # Three registered steps, each a multiplexer of at most four inputs: one LUT6 per bit.
        shifted = sink.acc
        for number, (select, places) in enumerate(
            [(shift[0:2], (0, 1, 2, 3)), (shift[2:4], (0, 4, 8, 12)), (shift[4], (0, 16))]
        ):
            stage = Signal((cfg.acc_width, True), reset_less=True, name=f"shifted{number}")
            self.sync += Case(select, {i: stage.eq(shifted >> n) for i, n in enumerate(places)})
            shifted = stage

        # The sum fits the index if all bits above the index's sign bit equal it. For the narrower index, the
        # bits ``between`` must equal it too.
        above = shifted[cfg.index_width - 1 :]
        between = shifted[cfg.index_width_per_channel - 1 : cfg.index_width - 1]
        all_zeros = Signal(reset_less=True)
        all_ones = Signal(reset_less=True)
        low = Signal(cfg.index_width - 1, reset_less=True)
        negative = Signal(reset_less=True)
        self.sync += [
            all_zeros.eq((above == 0) & (~per_channel | (between == 0))),
            all_ones.eq((above == 2 ** len(above) - 1) & (~per_channel | (between == 2 ** len(between) - 1))),
            low.eq(shifted),
            negative.eq(shifted[-1]),
        ]
        # index + 2**(index_width - 1). Without the bits ``between`` it is also right for the narrower index.
        entry = Signal(cfg.index_width)
        address = Signal(cfg.address_width, reset_less=True)
        lane = delayed(self, sink.lane, 4)
        self.comb += If(all_zeros | all_ones, entry.eq(Cat(low, ~negative))).Else(
            entry.eq(Replicate(~negative, cfg.index_width))
        )
        self.sync += [
            address.eq(entry),
            If(per_channel, address.eq(Cat(entry[: cfg.index_width_per_channel - 1], entry[-1], lane))),
        ]

        table = Memory(cfg.code_width, 1 << cfg.address_width, name="table")
        write_port, read_port = table.get_port(write_capable=True), table.get_port(mode=READ_FIRST)
        self.specials += table, write_port, read_port
        self.comb += [
            write_port.adr.eq(Cat(load.address, load.lane)),
            write_port.dat_w.eq(load.data),
            write_port.we.eq(load.valid),
            read_port.adr.eq(address),
            source.valid.eq(delayed(self, sink.valid, 7, reset_less=False)),
        ]
        self.sync += source.code.eq(read_port.dat_r)  # the block RAM's output register
