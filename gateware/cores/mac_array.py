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
class MacArrayConfig:
    """``lanes`` dot products of ``depth`` products each; weights of lane o at address k in its own memory.

    sum_width: bits of the sums, if they need fewer than the widths of their products imply.
    """

    lanes: int
    depth: int
    x_width: int
    weight_width: int
    block_ram: bool = False
    sum_width: Optional[int] = None

    def __post_init__(self):
        if self.lanes < 2:
            raise ValueError(f"lanes must be at least 2, not {self.lanes}")
        if self.depth < self.lanes:
            raise ValueError(
                f"depth must be at least lanes ({self.lanes}), so that results leave before the next "
                f"ones are due, not {self.depth}"
            )
        if self.x_width > 18 or self.weight_width > 25:
            raise ValueError(f"a DSP48E1 multiplies 18 by 25 bits, not {self.x_width} by {self.weight_width}")

    @property
    def acc_width(self) -> int:
        # Holds depth products of the two most negative codes; never more than the 32 bits of a logit, in
        # which two's complement arithmetic is exact because the exporter refuses sums of more than 31 bits.
        return self.sum_width or min(32, self.x_width + self.weight_width + (self.depth - 1).bit_length())

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


def load_layout(cfg: MacArrayConfig) -> list:
    return [("lane", cfg.lane_width), ("address", cfg.address_width), ("data", cfg.weight_width)]


class MacArray(LiteXModule):
    """Dot products of a stream of vectors with ``lanes`` sets of weights.

    No back-pressure: ``ready`` is ignored on both sides. Weights are constants, or they are loaded.

    sink:    x (x_width, signed); ``depth`` of them are one vector. Clocks without data are allowed anywhere.
    source:  acc (acc_width, signed), lane 0 first, in consecutive clocks.
    weights: (lanes, depth) constants, or None to load them.
    biases:  (lanes,) constants, which are added to the sums. Only with constant weights.
    load:    lane, address, data (weight_width, signed), one weight per clock. Weights may be loaded between
             two vectors; the next vector begins read_latency clocks after the last weight at the earliest.
    """

    def __init__(
        self, cfg: MacArrayConfig, weights: Optional[np.ndarray] = None, biases: Optional[np.ndarray] = None
    ):
        self.sink = sink = stream.Endpoint([("x", (cfg.x_width, True))])
        self.source = source = stream.Endpoint([("acc", (cfg.acc_width, True))])
        stream.set_reset_less(source.payload)
        self.load = load = stream.Endpoint(load_layout(cfg))

        # # #

        self.comb += [sink.ready.eq(1), load.ready.eq(1)]
        if weights is not None:
            self.comb += [signal.eq(0) for signal in (load.valid, load.lane, load.address, load.data)]

        # Position in the vector; the address runs ahead of x by the memory's latency.
        address = Signal(cfg.address_width)
        first = Signal()
        last = Signal()
        self.comb += [first.eq(address == 0), last.eq(address == cfg.depth - 1)]
        self.sync += If(sink.valid, If(last, address.eq(0)).Else(address.eq(address + 1)))

        # The inputs of lane 0. A clock without data feeds x = 0, which changes no sum, so nothing needs a
        # clock enable.
        lag = cfg.read_latency
        x_in = Signal((max(cfg.x_width, cfg.weight_width), True))
        self.comb += If(load.valid, x_in.eq(load.data)).Elif(sink.valid, x_in.eq(sink.x))
        x = delayed(self, x_in, lag)
        load_valid = delayed(self, load.valid, lag)
        load_lane = delayed(self, load.lane, lag)
        load_address = delayed(self, load.address, lag)
        address_in = Signal(cfg.address_width)
        self.comb += If(load_valid, address_in.eq(load_address)).Else(address_in.eq(address))
        # High when a vector's first product reaches P. It drives the DSP's OPMODE, so no LUT may be in
        # between.
        begins = delayed(self, first & sink.valid, lag + 2)
        finished = delayed(self, last & sink.valid, lag + 3, reset_less=False)

        accs, finishes = [], []
        for lane in range(cfg.lanes):
            # Chain registers: lane o works o clocks later than lane 0, and nothing is broadcast.
            x = delayed(self, x, 1, name=f"x_lane{lane}")
            address_in = delayed(self, address_in, 1, name=f"address_lane{lane}")
            load_valid = delayed(self, load_valid, 1, name=f"load_valid_lane{lane}")
            load_lane = delayed(self, load_lane, 1, name=f"load_lane_lane{lane}")
            # With a reset, the end of the delay is a flip-flop, which is faster than a shift register.
            begins = delayed(self, begins, 1, name=f"begins_lane{lane}", reset_less=lane > 0)
            finished = delayed(self, finished, 1, name=f"finished_lane{lane}", reset_less=False)
            constants = None if weights is None else (weights[lane], int(biases[lane]))
            accs.append(
                self._add_lane(cfg, lane, x, address_in, load_valid & (load_lane == lane), begins, constants)
            )
            finishes.append(finished)
        self._add_readout(cfg, accs, finishes, source)

    def _add_lane(self, cfg, lane, x, address, write, begins, constants):
        codes, bias = constants or ([], 0)
        mask = (1 << cfg.weight_width) - 1
        weights = Memory(
            cfg.weight_width,
            cfg.depth,
            init=[int(code) & mask for code in codes] or None,
            name=f"weights_lane{lane}",
        )
        if not constants:
            write_port = weights.get_port(write_capable=True)
            self.specials += write_port
            self.comb += [write_port.adr.eq(address), write_port.dat_w.eq(x), write_port.we.eq(write)]
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
