"""Take the words that LOAD sends and write each to the memory that it belongs to."""

from __future__ import annotations

from typing import Collection, Dict, List, Sequence

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import Case, If, ResetInserter, Signal

from gateware.cores.crc32 import Crc32
from gateware.cores.delay import delayed
from gateware.cores.unpacker import Unpacker
from lst_overlay.network.sections import Section


class ParameterLoader(LiteXModule):
    """Distribute the parameters of one network.

    magic:    the first word of the parameters.
    sections: the layout of the parameters. The first section has one lane of at most eight words: the magic
              and then the fields.
    fields:   the names and widths of the fields.
    variable: the names of sections with one length for all lanes that ``last_addresses`` states.

    sink:    data (64 bits), beats of two words; a word is accepted every third clock, and beats behind the
             parameters in every clock.
    start:   forget the network and expect new parameters.
    abandon: forget the parameters, complete or not.
    flush:   forget a beat whose second word has not been accepted yet.
    loads:   for each section after the fields an endpoint of lane, address, data; valid for one clock per
             word.
    fields:  the signals of the fields by name.
    last_addresses: for each variable section an input, its depth - 1; constant once the fields have arrived.
    loaded:  all parameters have arrived.
    crc:     the CRC-32 of the parameters while ``loaded``, else 0.
    bad:     the parameters do not begin with the magic; they will never count as loaded.
    """

    def __init__(
        self,
        magic: int,
        sections: Sequence[Section],
        fields: Dict[str, int],
        variable: Collection[str] = (),
    ):
        lane_width = max(section.lanes - 1 for section in sections).bit_length()
        address_width = max(section.depth - 1 for section in sections).bit_length()
        self.unpacker = unpacker = ResetInserter()(Unpacker(64, 32))
        self.sink = stream.Endpoint([("data", len(unpacker.sink.data))])
        sink = unpacker.source
        self.flush = Signal()
        self.start = Signal()
        self.abandon = Signal()
        self.loaded = loaded = Signal()
        self.bad = bad = Signal()
        self.crc = Signal(32)
        self.fields = {name: Signal(width, name=name) for name, width in fields.items()}
        self.last_addresses = {name: Signal(address_width, name=f"last_{name}") for name in variable}
        self.loads = {
            section.name: stream.Endpoint([("lane", lane_width), ("address", address_width), ("data", 32)])
            for section in sections[1:]
        }
        for endpoint in self.loads.values():
            stream.set_reset_less(endpoint.payload)

        # # #

        section = Signal(max=len(sections))
        lane = Signal(lane_width)
        address = Signal(address_width)
        at_last_address = Signal()
        at_last_lane = Signal()
        at_last_section = Signal()
        last_address = Signal(address_width, reset_less=True)
        last_lane = Signal(lane_width, reset_less=True)
        active = Signal()
        waiting = Signal()
        taken = Signal()
        complete = Signal()
        accepted = Signal()
        self.comb += [
            # Beats behind the parameters are dropped.
            unpacker.sink.valid.eq(self.sink.valid & active),
            unpacker.sink.data.eq(self.sink.data),
            self.sink.ready.eq(unpacker.sink.ready | ~active),
            unpacker.reset.eq(self.flush),
            sink.ready.eq(~waiting),
            accepted.eq(sink.valid & ~waiting),
            taken.eq(active & accepted),
        ]
        counted = delayed(self, taken, 1, reset_less=False)
        self.sync += [
            # A word is accepted in one clock and counted in the next; the flags are up to date two clocks
            # after that.
            If(accepted, waiting.eq(1)),
            If(delayed(self, accepted, 2, reset_less=False), waiting.eq(0)),
            # With a default, both depend on the section and lengths only, and need no clock enable.
            Case(
                section,
                {
                    "default" if i == len(sections) - 1 else i: [
                        last_address.eq(self.last_addresses.get(s.name, s.depth - 1)),
                        last_lane.eq(s.lanes - 1),
                    ]
                    for i, s in enumerate(sections)
                },
            ),
            at_last_address.eq(address == last_address),
            at_last_lane.eq(lane == last_lane),
            at_last_section.eq(section == len(sections) - 1),
            complete.eq(counted & at_last_address & at_last_lane & at_last_section),
            If(
                counted,
                address.eq(address + 1),
                If(at_last_address, address.eq(0), lane.eq(lane + 1)),
                If(at_last_address & at_last_lane, lane.eq(0), section.eq(section + 1)),
            ),
            If(complete | self.abandon, active.eq(0)),
            If(self.abandon, loaded.eq(0)),
            If(self.start, loaded.eq(0), bad.eq(0), active.eq(1), section.eq(0), lane.eq(0), address.eq(0)),
        ]

        # The word and its address, registered before they fan out to the memories.
        word = Signal(32, reset_less=True)
        word_section = Signal(len(section), reset_less=True)
        word_lane = Signal(lane_width, reset_less=True)
        word_address = Signal(address_width, reset_less=True)
        word_taken = Signal()
        self.sync += [
            word.eq(sink.word),
            word_section.eq(section),
            word_lane.eq(lane),
            word_address.eq(address),
            word_taken.eq(taken),
        ]
        for number, endpoint in enumerate(self.loads.values(), start=1):
            self.sync += [
                endpoint.valid.eq(word_taken & (word_section == number)),
                endpoint.lane.eq(word_lane),
                endpoint.address.eq(word_address),
                endpoint.data.eq(word),
            ]
        # Fields are decoded in one clock and written in the next.
        hits = [Signal(name=f"hit_{name}") for name in ("magic", *self.fields)]
        field_word = delayed(self, word, 1, name="field_word")
        self.sync += [
            hit.eq(word_taken & (word_section == 0) & (word_address[:3] == number))
            for number, hit in enumerate(hits)
        ]
        self.sync += [If(hit, field.eq(field_word)) for hit, field in zip(hits[1:], self.fields.values())]
        wrong_magic = Signal()
        self.sync += [
            wrong_magic.eq(word != magic),
            If(hits[0] & wrong_magic, bad.eq(1)),
            If(complete & ~bad & ~self.abandon, loaded.eq(1)),
        ]

        self.crc32 = crc32 = Crc32()
        self.comb += [
            crc32.clear.eq(self.start),
            crc32.valid.eq(taken),
            crc32.word.eq(sink.word),
            If(loaded, self.crc.eq(crc32.crc)),
        ]

    def writes(self, memories: Dict[str, stream.Endpoint]) -> List:
        """Return the statements that connect ``loads`` to memories, which may have narrower fields."""
        return [
            statement
            for name, load in self.loads.items()
            for statement in (
                *[
                    getattr(memories[name], field).eq(getattr(load, field))
                    for field, *_ in memories[name].description.payload_layout
                ],
                memories[name].valid.eq(load.valid),
            )
        ]
