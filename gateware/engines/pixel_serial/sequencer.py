"""Run passes on one array: choose the image, walk through the vectors of its pass, keep its weights ready.

  load   +--------+ pass: ahead      +------+ item  +------------------+ step
 ------->| passes |---+------------->| item |------>| clock, vector    |------> codes, lanes
         +--------+   |              +------+       +------------------+
            ^         | weights                       | last vector
            | turn,   v                               v
            | number +--------+ weight words        +-------+ leaves
            |        | loader |-------> lanes       | delay |-------> the other array
            |        +--------+                     +-------+
          +-------------------------+    arrives
          | images 0 and 1: present,|<----------
          | number of the next pass |
          +-------------------------+

Two images are at work, 0 and 1. Each is in one of the two arrays, or waits there.
"""

from __future__ import annotations

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from migen import READ_FIRST, Array, Cat, If, Memory, Mux, Record, Signal

from gateware.cores.delay import delayed
from lst_overlay.network.lst.serial_format import DESCRIPTOR, DESCRIPTOR_LANES, PASSES, WEIGHT_WORDS

INPUT_BITS = 5
BANK_BITS = INPUT_BITS + 1  # two sets of weights in each lane

STEP = [
    ("valid", 1),
    ("first", 1),
    ("last", 1),
    ("image", 1),
    ("bank", 1),
    ("vector", INPUT_BITS),
    ("input", INPUT_BITS),
    ("from_pixels", 1),
]


class Sequencer(LiteXModule):
    """The sequencer of one array.

    load:      lane, address, data: the words of passes.
    weights:   address, data: of the memory from which the lanes get their weights.
    enable:    low while a network is loaded.
    arrives:   a bit for each image, high for one clock when it enters this array.
    leaves:    likewise, when it may enter the other one.
    finishes:  likewise, when it leaves after its last pass on this array.
    pixels:    for the array that takes pixels: rows, slot, full of `PixelMemory`; release is its input.
    step:      the element that enters the array, for a read of its code.
    result:    descriptor, image and vector of the vector whose last element is ``step``; constant until
               the next one.
    ends_vector: ``step`` is the last element of a vector, one clock early.
    lanes:     lane, address, data: a weight for the array.
    waits:     a pass waits for pixels.
    idle:      no pass runs.
    """

    def __init__(self, pixels=None):
        self.load = load = stream.Endpoint([("lane", 2), ("address", 4), ("data", 32)])
        self.weights = stream.Endpoint([("address", 12), ("data", 13)])
        self.enable = Signal()
        self.arrives = Signal(2)
        self.leaves = Signal(2)
        self.finishes = Signal(2)
        self.release = Signal(2)
        self.step = Record(STEP, name="step", reset_less=True)
        self.result = Record(
            [*DESCRIPTOR, ("image", 1), ("vector", INPUT_BITS)], name="result", reset_less=True
        )
        self.ends_vector = Signal()
        self.lanes = stream.Endpoint([("lane", INPUT_BITS), ("address", BANK_BITS), ("data", 13)])
        self.waits = Signal()
        self.idle = Signal()

        # # #

        # The image whose pass is next, and its pass.
        number_bits = (PASSES - 1).bit_length()
        present = Signal(2)
        numbers = [Signal(number_bits, name=f"number{image}") for image in range(2)]
        turn = Signal()
        number = Signal(number_bits)
        ahead = Record(list(DESCRIPTOR), name="ahead", reset_less=True)
        words = []
        self.comb += [load.ready.eq(1), number.eq(Mux(turn, numbers[1], numbers[0]))]
        for lane in range(DESCRIPTOR_LANES):
            memory = Memory(32, PASSES, name=f"passes{lane}")
            write_port, read_port = memory.get_port(write_capable=True), memory.get_port(async_read=True)
            self.specials += memory, write_port, read_port
            self.comb += [
                write_port.adr.eq(load.address),
                write_port.dat_w.eq(load.data),
                write_port.we.eq(load.valid & (load.lane == lane)),
                read_port.adr.eq(number),
            ]
            words.append(read_port.dat_r)
        self.sync += ahead.raw_bits().eq(Cat(*words))

        item = Record(list(DESCRIPTOR), name="item", reset_less=True)
        image = Signal()
        bank = Signal()
        running = Signal()
        ends = Signal()  # the last clock of a pass
        begins = Signal()
        flips = Signal()
        settled = Signal()  # ``ahead`` and what depends on it are those of ``turn``
        settling = Signal()
        ready = Signal()
        is_present = Signal()
        has_weights = Signal(2)
        self.comb += [
            is_present.eq(Mux(turn, present[1], present[0])),
            begins.eq(ready & (~running | ends)),
            flips.eq(settled & ~begins & ~is_present & (present != 0)),
            self.idle.eq(~running),
        ]
        chosen = Cat(~turn, turn)
        self.sync += [
            settling.eq(~begins & ~flips & self.enable),
            settled.eq(settling & ~begins & ~flips & self.enable),
            ready.eq(settled & ~begins & ~flips & is_present & (has_weights != 0)),
            present.eq((present & ~Mux(begins & ahead.hands_over, chosen, 0)) | self.arrives),
            If(flips | (begins & ahead.hands_over), turn.eq(~turn)),
            *[
                If(begins & (turn == place), value.eq(Mux(ahead.ends, 0, value + 1)))
                for place, value in enumerate(numbers)
            ],
            If(
                begins,
                item.raw_bits().eq(ahead.raw_bits()),
                image.eq(turn),
                bank.eq(~has_weights[0]),
            ),
        ]

        self._add_loader(ahead, number, turn, settled, flips, bank, has_weights)
        self._add_walk(item, image, bank, running, begins, ends, pixels)

    def _add_loader(self, ahead, number, turn, settled, flips, bank, has_weights):
        """Load the weights of the next pass into the bank that no pass uses, unless a bank has them."""
        memory = Memory(13, WEIGHT_WORDS, name="weights")
        write_port, read_port = memory.get_port(write_capable=True), memory.get_port(mode=READ_FIRST)
        self.specials += memory, write_port, read_port
        pointer = Signal(12, reset_less=True)
        input_ = Signal(INPUT_BITS)
        lane = Signal(INPUT_BITS)
        last_input = Signal(INPUT_BITS, reset_less=True)
        last_lane = Signal(INPUT_BITS, reset_less=True)
        target = Signal()  # the bank
        loaded_number = Signal(len(number), reset_less=True)
        tags = [Signal(len(number), name=f"tag{place}") for place in range(2)]
        valid = Signal(2)
        loading = Signal()
        at_last_input = Signal()
        at_last_lane = Signal()
        nearly = Signal()  # the last lane's weights are on their way, ahead of any use
        begins = Signal()
        wants = Signal()
        # ``has_weights`` follows the end of a load by two clocks.
        was_loading = delayed(self, loading, 1, "was_loading")
        busy = loading | was_loading | delayed(self, was_loading, 1, "was_loading")
        self.comb += [
            self.weights.ready.eq(1),
            write_port.adr.eq(self.weights.address),
            write_port.dat_w.eq(self.weights.data),
            write_port.we.eq(self.weights.valid),
            read_port.adr.eq(pointer),
            at_last_input.eq(input_ == last_input),
            at_last_lane.eq(lane == last_lane),
            nearly.eq(loading & at_last_lane & (input_[2] | at_last_input)),
            begins.eq(wants & settled & self.enable),
        ]
        self.sync += [
            *[has_weights[place].eq(valid[place] & (tags[place] == number)) for place in range(2)],
            If(
                loading,
                pointer.eq(pointer + 1),
                input_.eq(input_ + 1),
                If(
                    at_last_input,
                    input_.eq(0),
                    lane.eq(lane + 1),
                    If(at_last_lane, loading.eq(0)),
                ),
            ),
            If(
                nearly,
                *[
                    If(target == place, valid[place].eq(1), tags[place].eq(loaded_number))
                    for place in range(2)
                ],
            ),
            wants.eq(settled & ~busy & ~begins & (has_weights == 0)),
            If(
                begins,
                loading.eq(1),
                target.eq(~bank),
                loaded_number.eq(number),
                pointer.eq(ahead.weights),
                last_input.eq(ahead.last_input),
                last_lane.eq(ahead.last_output),
                input_.eq(0),
                lane.eq(0),
                *[If(bank != place, valid[place].eq(0)) for place in range(2)],
            ),
            # Another image is next: these weights are not wanted, unless they are almost there.
            If(flips & ~Mux(target, valid[1], valid[0]), loading.eq(0)),
            If(~self.enable, loading.eq(0), valid.eq(0)),
            self.lanes.data.eq(read_port.dat_r),  # the block RAM's output register
        ]
        self.comb += [
            self.lanes.valid.eq(delayed(self, loading, 2, "loads", reset_less=False)),
            self.lanes.lane.eq(delayed(self, lane, 2, "load_lane")),
            self.lanes.address.eq(delayed(self, Cat(input_, target), 2, "load_address")),
        ]

    def _add_walk(self, item, image, bank, running, begins, ends, pixels):
        step = self.step
        clock = Signal(INPUT_BITS)
        vector = Signal(INPUT_BITS)
        at_last_clock = Signal()
        at_last_vector = Signal()
        at_start = Signal()
        holds = Signal()
        at_input = Signal()  # the first element is due
        is_input = Signal()  # another one is due
        input_ = Signal(INPUT_BITS)
        started = Signal()  # the clock after the start of a vector
        starts_last = Signal()
        leaving = Signal()
        delay = Signal(6, reset_less=True)
        leaver = Signal()
        finishing = Signal()
        due = Signal()
        self.comb += [
            at_start.eq(clock == 0),
            ends.eq(running & at_last_clock & at_last_vector),
            at_input.eq(clock == item.idle),
            starts_last.eq(started & at_last_vector),
            self.ends_vector.eq(running & at_last_clock),
            self.waits.eq(running & holds),
        ]
        if pixels is None:
            self.comb += holds.eq(0)
        else:
            # The row of the vector that starts next. A pass starts when its first row is there.
            row = Signal(INPUT_BITS)
            has_row = Signal()
            self.comb += holds.eq(at_start & item.from_pixels & ~has_row & (vector != 0))
            self.sync += [
                If(begins, row.eq(0)).Elif(running & at_start & ~holds, row.eq(row + 1)),
                has_row.eq(Array(pixels.full)[image] | ((pixels.slot == image) & (pixels.rows > row))),
                self.release.eq(Mux(starts_last & item.releases, Cat(~image, image), 0)),
            ]
        self.sync += [
            running.eq(begins | (running & ~ends)),
            at_last_vector.eq(vector == item.last_vector),
            started.eq(running & ~holds & at_start),
            at_last_clock.eq(running & (clock == item.last_but_one)),
            If(
                running & ~holds,
                clock.eq(clock + 1),
                If(at_input, is_input.eq(1)),
                If(at_input | is_input, input_.eq(input_ + 1)),
                If(at_last_clock, clock.eq(0), vector.eq(vector + 1), is_input.eq(0), input_.eq(0)),
            ),
            If(begins, vector.eq(0)),
            step.valid.eq(running & ~holds & (at_input | is_input)),
            step.first.eq(at_input),
            step.last.eq(at_last_clock),
            step.image.eq(image),
            step.bank.eq(bank),
            step.vector.eq(vector),
            step.input.eq(input_),
            step.from_pixels.eq(item.from_pixels),
            If(
                self.ends_vector,
                *[getattr(self.result, name).eq(getattr(item, name)) for name, _ in DESCRIPTOR],
                self.result.image.eq(image),
                self.result.vector.eq(vector),
            ),
            self.leaves.eq(0),
            self.finishes.eq(0),
            If(
                starts_last & item.hands_over,
                leaving.eq(1),
                delay.eq(item.delay),
                leaver.eq(image),
                finishing.eq(item.ends),
            ).Else(delay.eq(delay - 1), If(due, leaving.eq(0))),
            due.eq(leaving & (delay == 0) & ~due),
            If(
                due,
                If(finishing, self.finishes.eq(Cat(~leaver, leaver))).Else(
                    self.leaves.eq(Cat(~leaver, leaver))
                ),
            ),
        ]
