"""A systolic array of multiply-accumulate lanes: each lane sees an input one clock after its neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Optional

import numpy as np
from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, If, Memory, Signal

from gateware.cores.delay import delayed

GROUP = 4  # lanes whose results share one LUT6 per bit: two select bits and four data bits


@dataclass(frozen=True)
class LaneArrayConfig:
    """``lanes`` dot products; the weights of lane o are in a memory of its own, of ``depth`` words.

    acc_width: of the sums, which are exact modulo 2**acc_width.
    """

    lanes: int
    depth: int
    x_width: int
    weight_width: int
    acc_width: int
    block_ram: bool = False

    def __post_init__(self):
        if self.lanes < 2:
            raise ValueError(f"lanes must be at least 2, not {self.lanes}")
        if self.x_width > 18 or self.weight_width > 25:
            raise ValueError(f"a DSP48E1 multiplies 18 by 25 bits, not {self.x_width} by {self.weight_width}")

    @property
    def address_width(self) -> int:
        return (self.depth - 1).bit_length()

    @property
    def lane_width(self) -> int:
        return (self.lanes - 1).bit_length()

    @property
    def read_latency(self) -> int:
        # Clocks from address to the DSP's input: block RAM and its output register, or the register behind
        # LUT RAM.
        return 2 if self.block_ram else 1

    @property
    def latency(self) -> int:
        """Clocks from the last element of a vector to the sum of lane 0."""
        return self.read_latency + 6


class LaneArray(LiteXModule):
    """Dot products of a stream of vectors with ``lanes`` sets of weights.

    No back-pressure: ``ready`` is ignored on all sides.

    sink:    x (x_width, signed), the address of its weights, first and last of its vector. Clocks without
             data are allowed anywhere; vectors end at least ``lanes`` clocks apart.
    source:  acc (acc_width, signed), lane 0 first, in consecutive clocks.
    weights: (lanes, depth) constants, or None to load them.
    biases:  (lanes,) constants, which are added to the sums. Only with constant weights.
    load:    lane, address, data (weight_width, signed), one weight per clock, at any time. An element may
             use the weight from the next clock on.
    """

    def __init__(
        self, cfg: LaneArrayConfig, weights: Optional[np.ndarray] = None, biases: Optional[np.ndarray] = None
    ):
        self.sink = sink = stream.Endpoint([("x", (cfg.x_width, True)), ("address", cfg.address_width)])
        self.source = source = stream.Endpoint([("acc", (cfg.acc_width, True))])
        self.latency = cfg.latency
        stream.set_reset_less(source.payload)
        self.load = load = stream.Endpoint(
            [("lane", cfg.lane_width), ("address", cfg.address_width), ("data", cfg.weight_width)]
        )

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]

        # The inputs of lane 0; x follows its address by the memory's latency. A clock without data feeds
        # x = 0, which changes no sum, so nothing needs a clock enable.
        lag = cfg.read_latency
        x_in = Signal((cfg.x_width, True))
        self.comb += If(sink.valid, x_in.eq(sink.x))
        x = delayed(self, x_in, lag)
        address = sink.address
        writes = (load.valid, load.lane, load.address, load.data)
        # High when a vector's first product reaches P. It drives the DSP's OPMODE, so no LUT may be in
        # between.
        begins = delayed(self, sink.first & sink.valid, lag + 2)
        finished = delayed(self, sink.last & sink.valid, lag + 3, reset_less=False)

        accs, finishes = [], []
        for lane in range(cfg.lanes):
            # Chain registers: lane o works o clocks later than lane 0, and nothing is broadcast.
            x = delayed(self, x, 1, name=f"x_lane{lane}")
            address = delayed(self, address, 1, name=f"address_lane{lane}")
            if weights is None:
                writes = [delayed(self, signal, 1, name=f"load_lane{lane}") for signal in writes]
            # With a reset, the end of the delay is a flip-flop, which is faster than a shift register.
            begins = delayed(self, begins, 1, name=f"begins_lane{lane}", reset_less=lane > 0)
            finished = delayed(self, finished, 1, name=f"finished_lane{lane}", reset_less=False)
            constants = None if weights is None else (weights[lane], int(biases[lane]))
            accs.append(self._add_lane(cfg, lane, x, address, writes, begins, constants))
            finishes.append(finished)
        self._add_readout(cfg, accs, finishes, source)

    def _add_lane(self, cfg, lane, x, address, writes, begins, constants):
        codes, bias = constants or ([], 0)
        mask = (1 << cfg.weight_width) - 1
        weights = Memory(
            cfg.weight_width,
            cfg.depth,
            init=[int(code) & mask for code in codes] or None,
            name=f"weights_lane{lane}",
        )
        if not constants:
            valid, load_lane, load_address, data = writes
            write_port = weights.get_port(write_capable=True)
            self.specials += write_port
            self.comb += [
                write_port.adr.eq(load_address),
                write_port.dat_w.eq(data),
                write_port.we.eq(valid & (load_lane == lane)),
            ]
        read_port = weights.get_port(async_read=not cfg.block_ram, mode=READ_FIRST)
        self.specials += weights, read_port
        self.comb += read_port.adr.eq(address)
        weight = delayed(self, read_port.dat_r, 1, name=f"weight_lane{lane}")

        # The DSP's own registers A, B, M and P. They have no reset, so that the DSP can absorb all of them.
        a = Signal((cfg.x_width, True), reset_less=True, name=f"a_lane{lane}")
        b = Signal((cfg.weight_width, True), reset_less=True, name=f"b_lane{lane}")
        m = Signal((cfg.x_width + cfg.weight_width, True), reset_less=True, name=f"m_lane{lane}")
        p = Signal((cfg.acc_width, True), reset_less=True, name=f"p_lane{lane}")
        base = Signal((cfg.acc_width, True), name=f"base_lane{lane}")
        # The sum must be chosen by a low signal. Yosys drives OPMODE[4] with the select signal as it is, so
        # that a high one would choose the bias. Only a simulation of the netlist can show that.
        self.comb += If(begins, base.eq(bias)).Else(base.eq(p))
        self.sync += [a.eq(x), b.eq(weight), m.eq(a * b), p.eq(base + m)]
        return p

    def _add_readout(self, cfg, accs, finishes, source):
        """Merge the sums into one stream.

        finishes[o] is high in the one clock in which accs[o] is the finished sum of lane o.
        """
        groups = []
        for start in range(0, cfg.lanes, GROUP):
            members = range(start, min(start + GROUP, cfg.lanes))
            # The select signal is one clock early, so it comes from the previous lane.
            before = [finishes[lane - 1] if lane else None for lane in members]
            select = Signal(2, name=f"select_group{start}")
            chosen = Signal((cfg.acc_width, True), name=f"chosen_group{start}")
            active = reduce(or_, [finishes[lane] for lane in members])
            group = Signal((cfg.acc_width, True), reset_less=True, name=f"group{start}")
            cases = {i: chosen.eq(accs[lane]) for i, lane in enumerate(members) if i}
            self.comb += Case(select, {**cases, "default": chosen.eq(accs[start])})
            self.sync += [
                select.eq(0),
                *[If(before[i], select.eq(i)) for i in range(1, len(before))],
                group.eq(0),
                If(active, group.eq(chosen)),
            ]
            groups.append(group)
        merged = reduce(or_, groups)
        valid = reduce(or_, finishes)
        started = delayed(self, valid, 2, reset_less=False)
        self.sync += source.acc.eq(merged)
        self.comb += source.valid.eq(started)
