"""The values of two images between branches: written in the order of one axis, read in that of the other."""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, If, Memory, Mux, Signal

from gateware.cores.constants import LUT_LATENCY, lut_constant
from gateware.cores.cycle import cycle, index
from gateware.cores.delay import delayed
from gateware.cores.stock import Stock
from gateware.engines.resmlp_streaming.folding import Fold, by_index, index_bits
from gateware.engines.resmlp_streaming.function import BLOCK
from gateware.engines.resmlp_streaming.stages import Stage

RING_IN_LUTS = 256  # values: a ring of so many is LUT RAM


class ImageMemory(LiteXModule):
    """Values lie in the order in which the reader wants them, one image behind the other.

    writer, reader: the stages before and behind, with their folds.

    sink:     y, output, vector, image_ends: of `Post.source`.
    room:     a `Stock` of images that may be written: taken when one begins, put when one has been read.
    images:   a `Stock` of images that may be read.
    address:  of the value that is read; it follows ``latency`` clocks later.
    """

    latency = 4

    def __init__(self, writer: Stage, fold: Fold, reader: Stage, reading: Fold):
        size, vectors, bits = reader.vectors * reader.fan_in, reading.vectors, reader.input_bits
        self.size = size
        self.sink = sink = stream.Endpoint(
            [("y", bits), ("output", sum(index_bits(writer.outputs, fold.outputs)))]
            + [("vector", max(1, sum(index_bits(writer.vectors, fold.vectors)))), ("image_ends", 1)]
        )
        self.room = Stock(2, filled=True)
        self.images = images = Stock(2, filled=False)
        self.address = Signal(max=2 * size)
        self.value = value = Signal((bits, True), reset_less=True)

        # # #

        # Where output o of vector v lies: the sum of two constants.
        if writer.over_tokens == reader.over_tokens:
            by_output = [output * vectors for output in range(writer.outputs)]
            by_vector = [_group(vector, vectors, reader.fan_in) for vector in range(writer.vectors)]
        else:
            by_output = [_group(output, vectors, reader.fan_in) for output in range(writer.outputs)]
            by_vector = [vector * vectors for vector in range(writer.vectors)]
        width = (size - 1).bit_length()
        second = Signal()  # of the two images
        of_output = lut_constant(self, "outputs", sink.output, by_index(by_output, fold.outputs), width)
        of_vector = lut_constant(self, "vectors", sink.vector, by_index(by_vector, fold.vectors), width)
        base = Signal(len(self.address), reset_less=True)
        late = Signal(width, reset_less=True)
        place = Signal(len(self.address), reset_less=True)
        self.sync += [
            If(sink.valid & sink.image_ends, second.eq(~second)),
            base.eq(of_vector + Mux(delayed(self, second, LUT_LATENCY, name="image"), size, 0)),
            late.eq(of_output),
            place.eq(base + late),
        ]
        writes = delayed(self, sink.valid, LUT_LATENCY + 2, name="writes", reset_less=False)
        data = delayed(self, sink.y, LUT_LATENCY + 2, name="data")
        self.comb += [
            sink.ready.eq(1),
            images.put.eq(
                delayed(self, sink.valid & sink.image_ends, LUT_LATENCY + 4, name="ends", reset_less=False)
            ),
        ]
        address = delayed(self, self.address, 1, name="read_address")
        low = (BLOCK - 1).bit_length()
        words = []
        for block, first in enumerate(range(0, 2 * size, BLOCK)):
            depth = min(BLOCK, 2 * size - first)
            memory = Memory(bits, depth, name=f"values{block}_")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
            self.specials += memory, write_port, read_port
            enable = Signal(name=f"write{block}_")
            self.comb += [
                read_port.adr.eq(address[:low]),
                write_port.adr.eq(delayed(self, place[:low], 1, name=f"write_address{block}_")),
                write_port.dat_w.eq(delayed(self, data, 1, name=f"data{block}_")),
                write_port.we.eq(enable),
            ]
            self.sync += enable.eq(writes & (place[low:] == block if len(place) > low else 1))
            words.append(delayed(self, read_port.dat_r, 1, name=f"value{block}_"))
        if len(words) == 1:
            self.sync += value.eq(words[0])
        else:
            block = delayed(self, address[low:], 2, name="block")
            self.sync += Case(
                block, {**dict(enumerate(map(value.eq, words[:-1]))), "default": value.eq(words[-1])}
            )


def _group(vector: int, vectors: int, elements: int) -> int:
    """Where the reader's vector begins: groups of ``vectors`` lie element by element."""
    return vector // vectors * vectors * elements + vector % vectors


class Reader(LiteXModule):
    """Read a memory group by group: codes for the first matrix of a branch, values for the residual branch.

    has_room: one more group may be read; begun: high for one clock when it begins.
    source:   x, its element, lane of the group, vector; group_ends. No back-pressure.
    """

    def __init__(self, stage: Stage, fold: Fold, memory: ImageMemory):
        groups = stage.vectors // fold.vectors
        self.has_room = Signal()
        self.begun = Signal()
        self.source = source = stream.Endpoint(
            [("x", (len(memory.value), True)), ("element", (stage.fan_in - 1).bit_length())]
            + [("lane", max(1, (fold.vectors - 1).bit_length()))]
            + [("vector", max(1, sum(index_bits(stage.vectors, fold.vectors)))), ("group_ends", 1)]
        )

        # # #

        reading, ready, go = Signal(), Signal(), Signal()
        next_element, group_ends, image_ends = Signal(), Signal(), Signal()
        lane, lane_ends = cycle(self, fold.vectors, reading, "lane")
        element, element_ends = cycle(self, stage.fan_in, next_element, "element")
        _, last_group = cycle(self, groups, go, "next_group")
        group, _ = cycle(self, groups, group_ends, "group")
        new_image = Signal(reset=1)  # the group that begins next begins an image
        second = Signal()  # of the two images
        lane_bits, group_bits = index_bits(stage.vectors, fold.vectors)
        self.comb += [
            next_element.eq(reading & lane_ends),
            group_ends.eq(next_element & element_ends),
            image_ends.eq(group_ends & new_image),
            go.eq(ready & (~reading | group_ends)),
            self.begun.eq(go),
            memory.images.take.eq(go & new_image),
            memory.room.put.eq(image_ends),
        ]
        self.sync += [
            ready.eq((~new_image | memory.images.available) & self.has_room & ~go),
            reading.eq(go | (reading & ~group_ends)),
            If(go, new_image.eq(last_group)),
            If(reading, memory.address.eq(memory.address + 1)),
            If(image_ends, second.eq(~second), If(second, memory.address.eq(0))),
        ]
        late = memory.latency
        self.comb += [
            source.valid.eq(delayed(self, reading, late, name="valid", reset_less=False)),
            source.x.eq(memory.value),
            source.element.eq(delayed(self, element, late, name="element")),
            source.lane.eq(delayed(self, lane, late, name="lane")),
            source.vector.eq(
                delayed(self, index((lane, lane_bits), (group, group_bits)), late, name="vector")
            ),
            source.group_ends.eq(delayed(self, group_ends, late, name="ends", reset_less=False)),
        ]


class Ring(LiteXModule):
    """The values of a residual branch until the last stage adds them: a ring of groups.

    stage, fold: the last one. groups: of vectors that have room.
    room:  a `Stock` of groups that may be written: taken when one begins, put when one has been read.
    sink:  x, a group's values element by element.
    read:  output and lane in the present group, with valid and group_ends; ``value`` is latency clocks later.
    """

    latency = LUT_LATENCY + 3

    def __init__(self, stage: Stage, fold: Fold, groups: int, bits: int):
        size = stage.outputs * fold.vectors
        depth = groups * size
        self.sink = sink = stream.Endpoint([("x", bits)])
        self.read = read = stream.Endpoint(
            [("output", sum(index_bits(stage.outputs, fold.outputs)))]
            + [("lane", max(1, (fold.vectors - 1).bit_length())), ("group_ends", 1)]
        )
        self.value = Signal((bits, True), reset_less=True)
        self.room = room = Stock(groups, filled=True)

        # # #

        memory = Memory(bits, depth, name="residual")
        write_port = memory.get_port(write_capable=True)
        in_luts = depth <= RING_IN_LUTS
        read_port = memory.get_port(async_read=True) if in_luts else memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        write_address, _ = cycle(self, depth, sink.valid, "write_address")
        next_group = Signal()
        _, last_group = cycle(self, groups, next_group, "group")
        base = Signal(max=depth)
        places = by_index([output * fold.vectors for output in range(stage.outputs)], fold.outputs)
        place = lut_constant(self, "places", read.output, places, (size - 1).bit_length())
        begin = delayed(self, base, LUT_LATENCY - 1, name="base")
        lane = Signal(max=depth, reset_less=True)
        address = Signal(max=depth, reset_less=True)
        self.comb += [
            sink.ready.eq(1),
            read.ready.eq(1),
            write_port.adr.eq(write_address),
            write_port.dat_w.eq(sink.x),
            write_port.we.eq(sink.valid),
            read_port.adr.eq(address),
            next_group.eq(read.valid & read.group_ends),
            room.put.eq(next_group),
        ]
        self.sync += [
            lane.eq(begin + delayed(self, read.lane, LUT_LATENCY - 1, name="lane")),
            address.eq(place + lane),
            If(next_group, base.eq(Mux(last_group, 0, base + size))),
            self.value.eq(delayed(self, read_port.dat_r, int(in_luts), name="word")),
        ]
