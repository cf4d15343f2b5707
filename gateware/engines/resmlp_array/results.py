"""Number the results of a tile: their place in the tensors, and the addresses of their parameters."""

from __future__ import annotations

from litex.gen import LiteXModule
from migen import Cat, If, Mux, Record, Signal

from gateware.cores.delay import delayed
from gateware.engines.resmlp_array.sequencer import TILE

# Of four results: those of a pair of channels and a pair of tokens, the first of which are named here.
RESULT = [
    ("valid", 1),
    ("ends", 1),  # the last of an image
    ("over_tokens", 1),
    ("token", 6),
    ("channel", 8),
    ("slot", 5),  # in the code memory
    ("requant", 10),
    ("affine", 9),
    ("add", 9),
    ("function", 9),
    ("table_slot", 9),
    ("table_shift", 2),
    ("has_table", 1),
    ("last_step", 8),
    ("relu", 1),
    ("writes_stream", 1),
    ("writes_codes", 1),
    ("is_last", 1),
]


class Results(LiteXModule):
    """Follow the multiplier array.

    finished, tile: of the sequencer.
    overlap: for tests: a tile begins while results of the one before leave.
    result: RESULT, ``latency`` + n clocks after ``finished`` for the results of multiplier n.
    """

    latency = 9

    def __init__(self):
        self.finished = Signal()
        self.tile = Record(TILE, name="tile")
        self.result = result = Record(RESULT, name="result")
        self.overlap = Signal()

        # # #

        number = Signal(6)
        busy = Signal()
        now = Record(TILE, name="now")
        starts = delayed(self, self.finished, self.latency - 2, name="finished", reset_less=False)
        self.sync += [
            If(busy, number.eq(number + 1), If(number == 63, busy.eq(0))),
            If(starts, number.eq(0), busy.eq(1), now.raw_bits().eq(self.tile.raw_bits())),
        ]
        self.comb += self.overlap.eq(starts & busy & (number != 63))
        in_last_tile = Signal()
        self.sync += in_last_tile.eq(
            now.is_last & (now.row_group == now.last_row_group) & (now.column_group == now.last_column_group)
        )
        rows, columns = number[:3], number[3:]
        row_pair = Cat(rows, now.row_group)
        column_pair = Cat(columns, now.column_group)
        row = Cat(rows, 0, now.row_group)
        column = Cat(0, columns, now.column_group)
        pair = Signal(7)
        channel = Signal(8)
        self.comb += [
            pair.eq(Mux(now.over_tokens, column_pair, row_pair)),
            channel.eq(Mux(now.over_tokens, column, row)),
        ]
        same = (
            "over_tokens",
            "table_shift",
            "has_table",
            "last_step",
            "relu",
            "writes_stream",
            "writes_codes",
        )
        self.sync += [
            result.valid.eq(busy),
            result.ends.eq(busy & (number == 63) & in_last_tile),
            result.token.eq(Mux(now.over_tokens, row, column)),
            result.channel.eq(channel),
            result.slot.eq(now.out_slot + channel[4:]),
            result.requant.eq(now.requant + row_pair),
            result.table_slot.eq(now.table_slot + channel[1:]),
            result.is_last.eq(now.is_last),
            *[getattr(result, name).eq(getattr(now, name)) for name in same],
        ]
        for name in ("affine", "add", "function"):
            address = getattr(result, name)
            self.sync += If(getattr(now, f"has_{name}"), address.eq(getattr(now, name) + pair)).Else(
                address.eq(0)
            )
