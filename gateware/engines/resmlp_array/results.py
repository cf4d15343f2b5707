"""Number the results of a tile: their place in the tensors, and the addresses of their parameters."""

from __future__ import annotations

from typing import List, Tuple

from litex.gen import LiteXModule
from migen import Cat, If, Mux, Record, Signal

from gateware.cores.delay import delayed
from gateware.engines.resmlp_array.sequencer import tile_layout
from lst_overlay.network.resmlp.array_format import ArrayFormat

_PARAMETERS = ("requant", "affine", "add", "function", "table_slot")  # addresses, first of the pass
_OF_THE_PASS = ("table_shift", "has_table", "last_step", "relu", "writes_stream", "writes_codes", "is_last")


def result_layout(fmt: ArrayFormat) -> List[Tuple[str, int]]:
    """The results of one multiplier, with the place of the first; `ArrayFormat.lanes` has the others'."""
    widths = dict(fmt.descriptor)
    return [
        ("valid", 1),
        ("ends", 1),  # the last of an image
        ("over_tokens", 1),
        ("token", 6),
        ("channel", 8),
        ("slot", 5),  # in the code memory
        *[(name, widths[name]) for name in (*_PARAMETERS, *_OF_THE_PASS)],
    ]


class Results(LiteXModule):
    """Follow the multiplier array.

    finished, tile: of the sequencer.
    overlap: for tests: a tile begins while results of the one before leave.
    result: result_layout, ``latency`` + n clocks after ``finished`` for the results of multiplier n.
    """

    latency = 9

    def __init__(self, fmt: ArrayFormat):
        self.finished = Signal()
        self.tile = Record(tile_layout(fmt), name="tile")
        self.result = result = Record(result_layout(fmt), name="result")
        self.overlap = Signal()

        # # #

        number = Signal(6)
        busy = Signal()
        now = Record(tile_layout(fmt), name="now")
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
        row_bits = (fmt.row_pairs - 1).bit_length()
        rows, columns = number[:row_bits], number[row_bits:]
        row_pair = Cat(rows, now.row_group)
        column_pair = Cat(columns, now.column_group)
        if fmt.column_lanes == 2:
            row, column = Cat(rows, 0, now.row_group), Cat(0, columns, now.column_group)
        else:
            row, column = Cat(rows, now.row_group[0], 0, now.row_group[1:]), column_pair
        pair = Signal(max(len(row_pair), len(column_pair)))
        channel = Signal(8)
        self.comb += [
            pair.eq(Mux(now.over_tokens, column_pair, row_pair)),
            channel.eq(Mux(now.over_tokens, column, row)),
        ]
        self.sync += [
            result.valid.eq(busy),
            result.ends.eq(busy & (number == 63) & in_last_tile),
            result.token.eq(Mux(now.over_tokens, row, column)),
            result.channel.eq(channel),
            result.slot.eq(now.out_slot + channel[4:]),
            result.requant.eq(now.requant + row_pair),
            result.table_slot.eq(now.table_slot + channel[fmt.column_lanes - 1 :]),
            *[getattr(result, name).eq(getattr(now, name)) for name in ("over_tokens", *_OF_THE_PASS)],
        ]
        for name in ("affine", "add", "function"):
            address = getattr(result, name)
            self.sync += If(getattr(now, f"has_{name}"), address.eq(getattr(now, name) + pair)).Else(
                address.eq(0)
            )
