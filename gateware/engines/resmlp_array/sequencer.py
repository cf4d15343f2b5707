"""Walk through the passes of an image, their tiles, and the steps of each tile.

  load  +--------+  pass   +-----------------+ row, column group  +---------+ step (stage 0)
------->| passes |-------->| tile counters   |------------------->| address |----> codes, weights
        | 32     |   117   | step counter (8)|                    | logic   |
        +--------+         +-----------------+                    +---------+
                               |  last step of a tile
                               v
                           +------+ tile: the pass and its groups, for 64 clocks of results
                           | tile |----------------------------------------------------->
                           +------+

IDLE (an image) --> FETCH --> SETUP --> WAIT (idle clocks; the head) --> RUN --> IDLE
"""

from __future__ import annotations

from typing import List, Tuple

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Cat, If, Memory, Mux, Record, Signal

from lst_overlay.network.resmlp.array_format import DESCRIPTOR_LANES, WEIGHT_ADDRESS_BITS, ArrayFormat

STEP = [
    ("first", 1),  # first step of a tile
    ("over_tokens", 1),
    ("slot", 5),
    ("group", 2),  # of tokens
    ("low", 4),  # the lower bits of the channel, or of the token
    ("weights", WEIGHT_ADDRESS_BITS),
]


def tile_layout(fmt: ArrayFormat) -> List[Tuple[str, int]]:
    """A tile: its pass, and its groups of rows and of columns."""
    widths = dict(fmt.descriptor)
    groups = [(name, widths[f"last_{name}"]) for name in ("row_group", "column_group")]
    return [*fmt.descriptor, *groups]


class Sequencer(LiteXModule):
    """Run the passes of one image after another.

    load:      lane, address, data: the words of passes.
    has_image: the pixels of an image are in the code memory; up to date in the clock after ``released``.
    has_credit: the results of one more image have room.
    head_free: the head can take the results of a last pass.
    step:      what is read in this clock (stage 0). It repeats harmlessly when nothing runs.
    finished:  high for one clock with the last step of a tile; ``tile`` is then its pass and groups.
    last_started: high for one clock when a last pass begins.
    released:  high for one clock when the pixels of an image are no longer needed.
    started:   high for one clock when an image is admitted.
    starved, blocked: the first pass waits for pixels; for a credit.
    probe:     for tests: reads (the codes of ``step`` are used) and ends (the last clock of a pass).
    """

    def __init__(self, fmt: ArrayFormat):
        self.load = load = stream.Endpoint([("lane", 2), ("address", 5), ("data", 32)])
        self.has_image = Signal()
        self.has_credit = Signal()
        self.head_free = Signal()
        self.step = step = Record(STEP, name="step")
        self.tile = tile = Record(tile_layout(fmt), name="tile")
        self.finished = Signal()
        self.released = Signal()
        self.started = Signal()
        self.last_started = Signal()
        self.starved = Signal()
        self.blocked = Signal()

        # # #

        number = Signal(max=fmt.passes)
        item = Record(list(fmt.descriptor), name="item")
        words = []
        self.comb += load.ready.eq(1)
        for lane in range(DESCRIPTOR_LANES):
            memory = Memory(32, fmt.passes, name=f"passes{lane}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(async_read=True)
            self.specials += memory, write_port, read_port
            self.comb += [
                write_port.adr.eq(load.address),
                write_port.dat_w.eq(load.data),
                write_port.we.eq(load.valid & (load.lane == lane)),
                read_port.adr.eq(number),
            ]
            words.append(read_port.dat_r)

        parity = Signal()  # of the image, whose pixels are in the first or the second slots
        is_first = Signal(reset=1)  # the pass is the first of an image
        base = Signal(5)
        left = Signal(10, reset_less=True)  # idle clocks - 1; the highest bit is the sign
        clock = Signal(8)
        row = Signal(len(item.last_row_group))
        column = Signal(len(item.last_column_group))
        row_weights = Signal(WEIGHT_ADDRESS_BITS)  # the address of the first word of the present row group
        next_weights = Signal(WEIGHT_ADDRESS_BITS)
        at_last_row = Signal()
        at_last_column = Signal()
        at_end = Signal()
        at_done = Signal()
        ready = Signal()

        # One state is 1.
        idle = Signal(reset=1)
        fetch = Signal()
        setup = Signal()
        waiting = Signal()
        running = Signal()
        admitted = Signal()
        chosen = Signal()
        begins = Signal()
        ends = Signal()
        self.comb += [
            admitted.eq(idle & is_first & self.has_image & self.has_credit & ~self.released),
            chosen.eq(admitted | (idle & ~is_first)),
            begins.eq(waiting & left[-1] & ready),
            ends.eq(at_end & at_last_row & at_last_column),
            at_done.eq(running & (clock == item.last_step)),
        ]
        self.sync += [
            idle.eq(ends | (idle & ~chosen)),
            fetch.eq(chosen),
            setup.eq(fetch),
            waiting.eq(setup | (waiting & ~begins)),
            running.eq(begins | (running & ~ends)),
            self.starved.eq(idle & is_first & self.has_credit & ~self.has_image),
            self.blocked.eq(idle & is_first & ~self.has_credit),
            self.started.eq(admitted),
            self.last_started.eq(begins & item.is_last),
            self.released.eq(ends & is_first),
            ready.eq(~item.is_last | self.head_free),
            at_end.eq(running & (clock == item.last_but_one)),
            at_last_row.eq(row == item.last_row_group),
            at_last_column.eq(column == item.last_column_group),
            next_weights.eq(row_weights + item.last_step + 1),
            If(fetch, item.raw_bits().eq(Cat(*words))),
            If(waiting & ~left[-1], left.eq(left - 1)),
            If(running, clock.eq(clock + 1)),
            If(
                at_end,
                clock.eq(0),
                If(
                    item.columns_outer,
                    row.eq(row + 1),
                    row_weights.eq(next_weights),
                    If(at_last_row, row.eq(0), column.eq(column + 1), row_weights.eq(item.weights)),
                ).Else(
                    column.eq(column + 1),
                    If(at_last_column, column.eq(0), row.eq(row + 1), row_weights.eq(next_weights)),
                ),
            ),
            If(ends, is_first.eq(item.is_last), number.eq(number + 1)),
            If(ends & item.is_last, number.eq(0)),
            If(ends & is_first, parity.eq(~parity)),
            If(
                setup,
                base.eq(item.in_slot + Mux(is_first & parity, fmt.pixel_slots, 0)),
                left.eq(item.wait - 1),
                row_weights.eq(item.weights),
                row.eq(0),
                column.eq(0),
                clock.eq(0),
            ),
        ]

        # What is read, and what has been computed.
        self.probe = {"reads": Signal(), "ends": Signal()}
        self.sync += [
            self.probe["reads"].eq(running & (clock <= item.last_step)),
            self.probe["ends"].eq(ends),
            step.first.eq(running & (clock == 0)),
            step.over_tokens.eq(item.over_tokens),
            step.slot.eq(base + Mux(item.over_tokens, column, clock[4:])),
            step.group.eq(Mux(item.over_tokens, clock[4:6], column[:2])),
            step.low.eq(clock[:4]),
            If(clock == 0, step.weights.eq(row_weights)).Else(step.weights.eq(step.weights + 1)),
            self.finished.eq(at_done),
            If(at_done, *[getattr(tile, name).eq(getattr(item, name)) for name, _ in fmt.descriptor]),
            If(at_done, tile.row_group.eq(row), tile.column_group.eq(column)),
        ]
