"""RegisterSlave in Migen's simulator, accessed by a master that stalls."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migen import passive

from gateware.shell.axi.axi3 import Axi3Port
from gateware.shell.axi.register_slave import RegisterSlave
from lst_overlay.registers import BASE_ADDRESS, BY_NAME, REGISTERS
from tests.gateware.streams import clocks, simulate

FIXED, INCR = 0, 1
OKAY = 0
READ_ONLY, READ_WRITE, WRITE_ONLY = (
    [r for r in REGISTERS if r.access == access] for access in ("read-only", "read-write", "write-only")
)
# Addresses behind the last register, and some that differ from a register's in one high bit only.
UNMAPPED = [BASE_ADDRESS + max(r.offset for r in REGISTERS) + 4, BASE_ADDRESS + 0x7C] + [
    BASE_ADDRESS + BY_NAME[name].offset + (1 << bit)
    for bit in (7, 8, 15, 16, 29)
    for name in ("MAGIC", "CONTROL", "SOURCE")
]


def address_of(name):
    return BASE_ADDRESS + BY_NAME[name].offset


class Master:
    """An AXI3 master that waits a random number of clocks, at most ``stall``, before each transfer."""

    def __init__(self, stall=0, seed=1):
        self.port = Axi3Port(32, 12)
        self.slave = RegisterSlave(self.port)
        self.stall, self.random = stall, random.Random(seed)

    def run(self, *processes):
        simulate(self.slave, *processes)

    def _pause(self):
        yield from clocks(self.random.randint(0, self.stall))

    def _give(self, channel, **fields):
        yield from self._pause()
        for name, value in fields.items():
            yield getattr(channel, name).eq(value)
        yield channel.valid.eq(1)
        yield
        while not (yield channel.ready):
            yield
        yield channel.valid.eq(0)

    def _take(self, channel, *names):
        """Accept a beat and return its fields, checked to be constant while they wait."""
        for _ in range(50):
            if (yield channel.valid):
                break
            yield
        before = []
        for name in names:
            before.append((yield getattr(channel, name)))
        yield from self._pause()
        yield channel.ready.eq(1)
        yield
        after = []
        for name in ("valid", *names):
            after.append((yield getattr(channel, name)))
        yield channel.ready.eq(0)
        assert after == [1, *before]
        yield
        return before

    def read(self, address, beats=1, size=2, burst=INCR, id_=0):
        """Read a burst and return its words; check IDs, responses and last."""
        yield from self._give(self.port.ar, addr=address, len=beats - 1, size=size, burst=burst, id=id_)
        words = []
        for beat in range(beats):
            data, resp, found_id, last = yield from self._take(self.port.r, "data", "resp", "id", "last")
            assert (resp, found_id, last) == (OKAY, id_, beat == beats - 1)
            words.append(data)
        return words

    def write(self, address, words, strobes=0xF, size=2, burst=INCR, id_=0):
        yield from self._give(self.port.aw, addr=address, len=len(words) - 1, size=size, burst=burst, id=id_)
        for beat, word in enumerate(words):
            yield from self._give(self.port.w, data=word, strb=strobes, id=id_, last=beat == len(words) - 1)
        resp, found_id = yield from self._take(self.port.b, "resp", "id")
        assert (resp, found_id) == (OKAY, id_)

    def set_values(self):
        """Give every read-only register a value of its own."""
        for number, register in enumerate(READ_ONLY):
            yield self.slave.value[register.name].eq(0xA5000000 + number)

    @passive
    def pulses(self, name, seen):
        """Append ``data`` to a list in each clock in which the register is written."""
        while True:
            yield
            if (yield self.slave.written[name]):
                seen.append((yield self.slave.data))


stalls = pytest.mark.parametrize("stall", [0, 5])


@stalls
def test_every_read_only_register_reads_its_value(stall):
    master = Master(stall)

    def process():
        yield from master.set_values()
        yield
        for number, register in enumerate(READ_ONLY):
            assert (yield from master.read(BASE_ADDRESS + register.offset)) == [0xA5000000 + number]

    master.run(process())


@stalls
def test_every_read_write_register_holds_what_is_written(stall):
    master = Master(stall)

    def process():
        for value in (0xFFFFFFFF, 0x12345678, 0):
            for number, register in enumerate(READ_WRITE):
                yield from master.write(BASE_ADDRESS + register.offset, [value ^ number])
            for number, register in enumerate(READ_WRITE):
                held = (value ^ number) & (1 << register.width) - 1
                assert (yield from master.read(BASE_ADDRESS + register.offset)) == [held]
                assert (yield master.slave.storage[register.name]) == held

    master.run(process())


def test_registers_begin_at_zero():
    master = Master()

    def process():
        for register in READ_WRITE:
            assert (yield from master.read(BASE_ADDRESS + register.offset)) == [0]

    master.run(process())


@stalls
@pytest.mark.parametrize("beats", [2, 3, 16])
def test_a_burst_reads_consecutive_registers(beats, stall):
    master = Master(stall)
    expected = [
        0xA5000000 + READ_ONLY.index(register) if register in READ_ONLY else 0 for register in REGISTERS
    ][:beats]

    def process():
        yield from master.set_values()
        yield
        assert (yield from master.read(BASE_ADDRESS, beats)) == expected

    master.run(process())


@stalls
def test_a_burst_writes_consecutive_registers(stall):
    master = Master(stall)

    def process():
        yield from master.write(address_of("IMAGES"), [5, 0x100, 0x200, 1])
        for name, value in (("IMAGES", 5), ("SOURCE", 0x100), ("DESTINATION", 0x200), ("RESULT_MODE", 1)):
            assert (yield master.slave.storage[name]) == value

    master.run(process())


def test_a_fixed_burst_stays_on_its_register():
    master = Master()

    def process():
        yield from master.write(address_of("SOURCE"), [1, 2, 3], burst=FIXED)
        assert (yield from master.read(address_of("SOURCE"), 3, burst=FIXED)) == [3, 3, 3]
        assert (yield from master.read(address_of("DESTINATION"))) == [0]

    master.run(process())


@settings(max_examples=10, deadline=None)
@given(ids=st.lists(st.integers(0, 4095), min_size=1, max_size=5), stall=st.integers(0, 3))
def test_ids_come_back(ids, stall):
    master = Master(stall)

    def process():
        for id_ in ids:
            yield from master.write(address_of("SOURCE"), [id_, id_], id_=id_)
            assert (yield from master.read(address_of("SOURCE"), 2, id_=id_)) == [id_, id_]

    master.run(process())


def test_addresses_without_a_register_read_zero_and_ignore_writes():
    master = Master()

    def process():
        yield from master.set_values()
        for address in UNMAPPED:
            assert (yield from master.read(address)) == [0], hex(address)
            yield from master.write(address, [0xFFFFFFFF])
        for register in READ_WRITE:
            assert (yield master.slave.storage[register.name]) == 0

    seen = []
    master.run(process(), master.pulses("CONTROL", seen))
    assert seen == []


def test_a_burst_leaves_the_window_quietly():
    master = Master()

    def process():
        yield from master.set_values()
        yield
        last = READ_ONLY[-1]
        assert (yield from master.read(BASE_ADDRESS + last.offset, 3)) == [
            0xA5000000 + len(READ_ONLY) - 1,
            0,
            0,
        ]

    master.run(process())


@pytest.mark.parametrize("strobes", range(16))
def test_strobes_choose_the_bytes(strobes):
    master = Master()
    mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1)

    def process():
        yield from master.write(address_of("SOURCE"), [0x11223344])
        yield from master.write(address_of("SOURCE"), [0xAABBCCDD], strobes)
        assert (yield from master.read(address_of("SOURCE"))) == [0x11223344 & ~mask | 0xAABBCCDD & mask]

    master.run(process())


def test_bytes_and_halfwords_advance_by_their_size():
    master = Master()

    def process():
        yield from master.write(address_of("SOURCE"), [0x44332211], size=0)
        assert (yield from master.read(address_of("SOURCE"), 5, size=0)) == [0x44332211] * 4 + [0]
        assert (yield from master.read(address_of("SOURCE"), 3, size=1)) == [0x44332211] * 2 + [0]

    master.run(process())


@pytest.mark.parametrize("register", READ_ONLY, ids=lambda register: register.name)
def test_writing_a_read_only_register_does_nothing(register):
    master, seen = Master(), []

    def process():
        yield from master.set_values()
        yield from master.write(BASE_ADDRESS + register.offset, [0xFFFFFFFF])
        assert (yield from master.read(BASE_ADDRESS + register.offset)) == [
            0xA5000000 + READ_ONLY.index(register)
        ]
        for other in READ_WRITE:
            assert (yield master.slave.storage[other.name]) == 0

    master.run(process(), master.pulses("CONTROL", seen))
    assert seen == []


@stalls
def test_a_write_only_register_acts_for_one_clock_and_reads_zero(stall):
    master, seen = Master(stall), []

    def process():
        yield from master.write(address_of("CONTROL"), [0x5])
        yield from master.write(address_of("CONTROL"), [0x2])
        assert (yield from master.read(address_of("CONTROL"))) == [0]

    master.run(process(), master.pulses("CONTROL", seen))
    assert seen == [0x5, 0x2]


def test_a_write_only_register_needs_the_strobe_of_its_byte():
    master, seen = Master(), []

    def process():
        for strobes in (0xE, 0, 0x1):
            yield from master.write(address_of("CONTROL"), [strobes], strobes)

    master.run(process(), master.pulses("CONTROL", seen))
    assert seen == [0x1]


def test_a_write_has_acted_when_it_is_answered():
    master, seen, acted = Master(), [], []

    def process():
        yield from master._give(master.port.aw, addr=address_of("CONTROL"), len=0, size=2, burst=INCR, id=1)
        yield from master._give(master.port.w, data=1, strb=15, id=1, last=1)
        while not (yield master.port.b.valid):
            yield
        acted.extend(seen)

    master.run(process(), master.pulses("CONTROL", seen))
    assert acted == [1]


def test_reads_and_writes_at_the_same_time():
    master = Master()
    reader_words = []

    def reads():
        for _ in range(20):
            reader_words.extend((yield from master.read(address_of("SOURCE"), 2)))

    def writes():
        for value in range(30):
            yield from master.write(address_of("SOURCE"), [value, value])

    master.run(reads(), writes())
    assert len(reader_words) == 40
    assert reader_words[::2] == sorted(reader_words[::2]) and reader_words[1::2] == sorted(reader_words[1::2])


def test_a_read_takes_four_clocks():
    master, times = Master(), []

    def process():
        yield from master._give(master.port.ar, addr=BASE_ADDRESS, len=3, size=2, burst=INCR, id=0)
        yield master.port.r.ready.eq(1)
        for clock in range(1, 40):
            yield
            if (yield master.port.r.valid):
                times.append(clock)

    master.run(process())
    assert len(times) == 4
    assert times == [times[0] + 3 * i for i in range(4)] and times[0] <= 4


def test_a_burst_writes_a_beat_every_other_clock():
    master, accepted = Master(), []

    def process():
        yield from master._give(master.port.aw, addr=address_of("IMAGES"), len=3, size=2, burst=INCR, id=0)
        yield master.port.w.valid.eq(1)
        yield master.port.w.strb.eq(0xF)
        for clock in range(20):
            yield master.port.w.last.eq(len(accepted) == 3)
            yield
            if (yield master.port.w.ready) and len(accepted) < 4:
                accepted.append(clock)

    master.run(process())
    assert accepted == [accepted[0] + 2 * i for i in range(4)]
