"""Walks the sections of a parameter image and hands every word to the memory that it belongs to."""
from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, If, Signal

from gateware.crc32 import Crc32
from lst_overlay.network.parameter_image import LAYOUT_MAGIC, SECTIONS

_LANE_WIDTH = max(section.lanes - 1 for section in SECTIONS).bit_length()
_ADDRESS_WIDTH = max(section.depth - 1 for section in SECTIONS).bit_length()


class ParameterLoader(LiteXModule):
    """Distributes one parameter image (lst_overlay.network.parameter_image).

    sink:    word (32 bits), always accepted.
    start:   forgets the network and waits for a new image. ``abandon``: forgets an image that is not complete.
    loads:   for each section after the fields, an endpoint of lane, address, data; valid one clock per word.
    fields:  rows_shift, columns_shift, pixel_shift, once loaded.
    loaded:  an image has arrived whole; ``crc`` is then its CRC-32, else 0.
    bad:     the image does not begin with LAYOUT_MAGIC; nothing more is stored.
    """

    def __init__(self):
        self.sink = sink = stream.Endpoint([("word", 32)])
        self.start = Signal()
        self.abandon = Signal()
        self.loaded = loaded = Signal()
        self.bad = bad = Signal()
        self.crc = Signal(32)
        self.rows_shift, self.columns_shift, self.pixel_shift = Signal(5), Signal(5), Signal(3)
        self.loads = {section.name: stream.Endpoint([("lane", _LANE_WIDTH), ("address", _ADDRESS_WIDTH), ("data", 32)])
                      for section in SECTIONS[1:]}

        # # #

        section, lane, address = Signal(max=len(SECTIONS)), Signal(_LANE_WIDTH), Signal(_ADDRESS_WIDTH)
        last_lane, last_address, last_section = Signal(_LANE_WIDTH), Signal(_ADDRESS_WIDTH), Signal()
        active = Signal()
        self.comb += [
            sink.ready.eq(1),
            Case(section, {i: [last_lane.eq(s.lanes - 1), last_address.eq(s.depth - 1)] for i, s in enumerate(SECTIONS)}),
            last_section.eq(section == len(SECTIONS) - 1),
        ]

        # A word and its place, registered before they fan out to the memories.
        fields = Signal()
        for number, endpoint in enumerate(self.loads.values(), start=1):
            self.sync += [endpoint.valid.eq(active & sink.valid & (section == number)), endpoint.lane.eq(lane),
                          endpoint.address.eq(address), endpoint.data.eq(sink.word)]
        self.comb += fields.eq(active & sink.valid & (section == 0))
        self.sync += If(fields, Case(address[:2], {
            0: If(sink.word != LAYOUT_MAGIC, bad.eq(1), active.eq(0)),
            1: self.rows_shift.eq(sink.word),
            2: self.columns_shift.eq(sink.word),
            3: self.pixel_shift.eq(sink.word)}))

        complete = Signal()
        self.sync += [
            complete.eq(0),
            If(active & sink.valid,
                If(address != last_address,
                    address.eq(address + 1),
                ).Else(
                    address.eq(0),
                    lane.eq(lane + 1),
                    If(lane == last_lane, lane.eq(0), section.eq(section + 1),
                       If(last_section, section.eq(0), active.eq(0), complete.eq(1)))),
            ),
            If(self.start, loaded.eq(0), bad.eq(0), active.eq(1), section.eq(0), lane.eq(0), address.eq(0)),
            If(self.abandon, active.eq(0)),
        ]

        self.crc32 = crc32 = Crc32()
        finished = Signal()
        self.comb += [crc32.clear.eq(self.start), crc32.valid.eq(active & sink.valid), crc32.word.eq(sink.word),
                      If(loaded, self.crc.eq(crc32.crc))]
        self.sync += [finished.eq(complete & ~self.abandon), If(finished & ~self.abandon, loaded.eq(1))]
