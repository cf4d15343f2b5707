"""What follows the sums of an array: bias, arithmetic shift, saturation to an index, table."""

from __future__ import annotations

from functools import reduce
from operator import or_

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Case, Cat, If, Memory, Mux, Record, Replicate, Signal, log2_int

from gateware.cores.delay import delayed
from gateware.engines.pixel_serial.sequencer import INPUT_BITS
from lst_overlay.network.lst.layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL
from lst_overlay.network.lst.serial_format import BIAS_WORDS, BLOCK, CODE_WIDTH, DESCRIPTOR, TABLE_BLOCKS

ACC_WIDTH = 32
# The table in block RAMs of 18 Kbit: 2K x 9 for the low bits of a code, where the parity bits serve too, and
# 4K x 4 for the high ones. (low bit, bits, entries of one)
PARTS = ((0, 9, 2048), (9, CODE_WIDTH - 9, 4096))
RESULT = [*DESCRIPTOR, ("image", 1), ("vector", INPUT_BITS)]
# What accompanies a code: where it belongs.
PLACE = [
    ("valid", 1),
    ("image", 1),
    ("vector", INPUT_BITS),
    ("output", INPUT_BITS),
    ("stores", 1),
    ("adds", 1),
    ("classifies", 1),
    ("first", 1),  # of a round of classes
    ("last", 1),  # of a round of classes
]


class Activation(LiteXModule):
    """code = table[saturate((acc + bias) >> shift)], one per clock, ``latency`` clocks later.

    sink:    acc (signed); the sums of the lanes of a vector come in consecutive clocks.
    begins:  high for one clock, the one before the first sum of a vector, when ``vector`` is that vector's.
    vector:  the pass, image and number of a vector; it stays until the next ``begins``.
    code:    (CODE_WIDTH, signed).
    place:   where the code belongs. early: ``place``, EARLY clocks early.
    bias:    address, data: a bias for the memory. table: address, data: an entry likewise.
    """

    latency = 13
    EARLY = 2

    def __init__(self, acc_width: int):
        self.sink = sink = stream.Endpoint([("acc", (acc_width, True))])
        self.begins = Signal()
        self.vector = Record(RESULT, name="vector")
        self.code = Signal((CODE_WIDTH, True), reset_less=True)
        self.bias = stream.Endpoint([("address", log2_int(BIAS_WORDS)), ("data", ACC_WIDTH)])
        self.table = stream.Endpoint([("address", 15), ("data", CODE_WIDTH)])

        # # #

        self.comb += [port.ready.eq(1) for port in (sink, self.bias, self.table)]
        item = Record(RESULT, name="item", reset_less=True)
        lane = Signal(INPUT_BITS)
        self.sync += [
            If(sink.valid, lane.eq(lane + 1)),
            If(self.begins, lane.eq(0), item.raw_bits().eq(self.vector.raw_bits())),
        ]

        # 1: what belongs to the lane. 2: its bias. 3, 4: the sum.
        place = Record(PLACE, name="place1", reset_less=True)
        bias_address = Signal(log2_int(BIAS_WORDS), reset_less=True)
        at_first = (item.vector == 0) & (lane == 0)
        at_last = (item.vector == item.last_vector) & (lane == item.last_output)
        self.sync += [
            place.valid.eq(sink.valid & (lane <= item.last_output)),
            place.image.eq(item.image),
            place.vector.eq(item.vector),
            place.output.eq(item.first_output + lane),
            place.stores.eq(item.stores),
            place.adds.eq(item.adds),
            place.classifies.eq(item.classifies),
            place.first.eq(item.opens & at_first),
            place.last.eq(item.closes & at_last),
            bias_address.eq(item.bias + lane),
        ]
        # Two memories of LUT RAM: as one before a register they would be a block RAM, of which there are few.
        biases = []
        for half in range(2):
            memory = Memory(ACC_WIDTH, BIAS_WORDS // 2, name=f"biases{half}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(async_read=True)
            self.specials += memory, write_port, read_port
            self.comb += [
                write_port.adr.eq(self.bias.address),
                write_port.dat_w.eq(self.bias.data),
                write_port.we.eq(self.bias.valid & (self.bias.address[-1] == half)),
                read_port.adr.eq(bias_address),
            ]
            biases.append(read_port.dat_r)
        # The addition takes two clocks, one for each half.
        half = ACC_WIDTH // 2
        bias = Signal((ACC_WIDTH, True), reset_less=True)
        low_sum = Signal(half + 1, reset_less=True)
        acc = Signal((ACC_WIDTH, True), reset_less=True)
        delayed_acc = Signal((ACC_WIDTH, True))
        self.comb += delayed_acc.eq(delayed(self, sink.acc, 2, "acc"))
        high_acc = delayed(self, delayed_acc[half:], 1, "high_acc")
        high_bias = delayed(self, bias[half:], 1, "high_bias")
        self.sync += [
            bias.eq(Mux(bias_address[-1], biases[1], biases[0])),
            low_sum.eq(delayed_acc[:half] + bias[:half]),
            acc.eq(Cat(low_sum[:half], high_acc + high_bias + low_sum[half])),
        ]

        # 5 .. 7: three steps of the shift, each a multiplexer of at most four inputs: one LUT6 per bit.
        steps = [(item.shift[0:2], (0, 1, 2, 3)), (item.shift[2:4], (0, 4, 8, 12)), (item.shift[4], (0, 16))]
        for number, (select, places) in enumerate(steps):
            shifted = Signal((ACC_WIDTH, True), reset_less=True, name=f"shifted{number}")
            amount = delayed(self, select, 4 + number, f"shift{number}")
            self.sync += Case(amount, {i: shifted.eq(acc >> n) for i, n in enumerate(places)})
            acc = shifted

        # 8: the sum fits the index if all bits above the index's sign bit equal it. For the narrower index,
        # the bits ``between`` must equal it too.
        per_channel = delayed(self, item.per_channel, 7, "per_channel")
        above = acc[MAX_INDEX_WIDTH - 1 :]
        between = acc[MAX_INDEX_WIDTH_PER_CHANNEL - 1 : MAX_INDEX_WIDTH - 1]
        all_zeros = Signal(reset_less=True)
        all_ones = Signal(reset_less=True)
        low = Signal(MAX_INDEX_WIDTH - 1, reset_less=True)
        negative = Signal(reset_less=True)
        self.sync += [
            all_zeros.eq((above == 0) & (~per_channel | (between == 0))),
            all_ones.eq((above == 2 ** len(above) - 1) & (~per_channel | (between == 2 ** len(between) - 1))),
            low.eq(acc),
            negative.eq(acc[-1]),
        ]

        # 9: index + 2**(width - 1), which is right for the narrower index without the bits ``between``. It is
        # an entry of a block; the block of a common table is the upper bits of the index.
        entry = Signal(MAX_INDEX_WIDTH)
        per_channel = delayed(self, per_channel, 1, "per_channel")
        output = delayed(self, place.output, 7, "output")
        in_block = Signal(MAX_INDEX_WIDTH_PER_CHANNEL, reset_less=True)
        offset = Signal(INPUT_BITS, reset_less=True)
        self.comb += If(all_zeros | all_ones, entry.eq(Cat(low, ~negative))).Else(
            entry.eq(Replicate(~negative, MAX_INDEX_WIDTH))
        )
        self.sync += [
            in_block.eq(
                Cat(entry[: MAX_INDEX_WIDTH_PER_CHANNEL - 1], entry[MAX_INDEX_WIDTH_PER_CHANNEL - 1])
            ),
            offset.eq(entry[MAX_INDEX_WIDTH_PER_CHANNEL:]),
            If(per_channel, in_block[-1].eq(entry[-1]), offset.eq(output)),
        ]

        # 10: the address of the entry.
        block = Signal(7, reset_less=True)
        address = Signal(MAX_INDEX_WIDTH_PER_CHANNEL, reset_less=True)
        self.sync += [block.eq(delayed(self, item.block, 9, "block") + offset), address.eq(in_block)]

        # 11, 12: block RAMs and their output registers, zero in all that do not hold the entry. 13: their OR.
        where = Cat(address, block)
        for low, bits, entries in PARTS:
            choice = log2_int(entries)
            codes = []
            for number in range(TABLE_BLOCKS * BLOCK // entries):
                table = Memory(bits, entries, name=f"table{low}_{number}")
                write_port, read_port = table.get_port(write_capable=True), table.get_port(mode=READ_FIRST)
                self.specials += table, write_port, read_port
                other = Signal(reset_less=True, name=f"other{low}_{number}")
                code = Signal(bits, reset_less=True, name=f"code{low}_{number}")
                self.comb += [
                    write_port.adr.eq(self.table.address),
                    write_port.dat_w.eq(self.table.data[low:]),
                    write_port.we.eq(self.table.valid & (self.table.address[choice:] == number)),
                    read_port.adr.eq(where),
                ]
                self.sync += [
                    other.eq(where[choice:] != number),
                    code.eq(read_port.dat_r),
                    If(other, code.eq(0)),
                ]
                codes.append(code)
            self.sync += self.code[low : low + bits].eq(reduce(or_, codes))

        self.early = self._delayed_place(place, self.latency - self.EARLY - 1)
        self.place = self._delayed_place(self.early, self.EARLY)

    def _delayed_place(self, place, clocks):
        late = Record(PLACE, name="place")
        self.comb += [
            getattr(late, name).eq(
                delayed(self, getattr(place, name), clocks, f"place_{name}", reset_less=name != "valid")
            )
            for name, _ in PLACE
        ]
        return late
