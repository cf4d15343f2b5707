"""Memory behind an HP port for Migen's simulator: it checks AXI3's rules for masters and stalls at random."""

import random
from dataclasses import dataclass, field

from migen import passive

BEAT_BYTES = 8
PAGE = 4096
STEADY, OFTEN, RARELY = 1.0, 0.6, 0.15  # The probability that the memory is ready.
OKAY, SLVERR, DECERR = 0, 2, 3


def data_at(address):
    return (address * 0x9E3779B97F4A7C15 + 1) % 2**64


@dataclass
class Burst:
    address: int
    beats: int
    clock: int
    sent: int = 0


@dataclass
class Memory:
    """A memory.

    Bursts at addresses in ``error_at`` are answered with ``error``; if ``frozen``, none is answered.
    """

    port: object
    ready: float = STEADY
    seed: int = 1
    error_at: tuple = ()
    error: int = SLVERR
    frozen: bool = False
    clock: int = 0
    reads: list = field(default_factory=list)  # Each Burst that was requested.
    writes: list = field(default_factory=list)
    beats: list = field(default_factory=list)  # (clock, address, data, strobes) of each beat written.
    answered: int = 0  # The number of bursts, read and written.

    def __post_init__(self):
        self.random = random.Random(self.seed)

    def chance(self):
        return not self.frozen and self.random.random() < self.ready

    def response(self, burst):
        return self.error if burst.address in self.error_at else OKAY

    @passive
    def process(self):
        port, held = self.port, {}
        write_data = []  # Bursts whose data has not arrived yet.
        write_answers = []
        while True:
            yield
            self.clock += 1
            for channel, bursts in ((port.ar, self.reads), (port.aw, self.writes)):
                seen = yield from self._offered(channel, held)
                if seen is not None and (yield channel.ready):
                    bursts.append(self._checked(seen))
                    (write_data if channel is port.aw else []).append(bursts[-1])
                yield channel.ready.eq(self.chance())
            # Write data and responses.
            seen = yield from self._offered(port.w, held)
            if seen is not None and (yield port.w.ready):
                burst = write_data[0]
                self.beats.append(
                    (self.clock, burst.address + BEAT_BYTES * burst.sent, seen["data"], seen["strb"])
                )
                burst.sent += 1
                assert seen["last"] == (burst.sent == burst.beats) and seen["id"] == 0
                if seen["last"]:
                    write_answers.append(write_data.pop(0))
            yield port.w.ready.eq(self.chance())
            if (yield port.b.valid):
                assert (yield port.b.ready)
                self.answered += 1
                yield port.b.valid.eq(0)
            if write_answers and self.chance():
                yield port.b.resp.eq(self.response(write_answers.pop(0)))
                yield port.b.valid.eq(1)
            # Read data; r.ready must be high at all times.
            assert (yield port.r.ready) or not (yield port.r.valid)
            if (yield port.r.valid) and (yield port.r.last):
                self.answered += 1
            yield port.r.valid.eq(0)
            burst = next((burst for burst in self.reads if burst.sent < burst.beats), None)
            if burst is not None and self.chance():
                yield port.r.data.eq(data_at(burst.address + BEAT_BYTES * burst.sent))
                burst.sent += 1
                yield port.r.last.eq(burst.sent == burst.beats)
                yield port.r.resp.eq(self.response(burst))
                yield port.r.valid.eq(1)

    def _offered(self, channel, held):
        """Return the fields of a valid channel, which must be constant while they wait; None if not valid."""
        if not (yield channel.valid):
            assert held.get(id(channel)) is None, "valid fell before ready"
            return None
        seen = {"last": (yield channel.last)}
        for name, *_ in channel.description.payload_layout:
            seen[name] = yield getattr(channel, name)
        assert held.get(id(channel)) in (None, seen), "payload changed while it waited"
        held[id(channel)] = None if (yield channel.ready) else seen
        return seen

    def _checked(self, seen):
        beats = seen["len"] + 1
        assert (seen["size"], seen["burst"], seen["lock"], seen["cache"], seen["prot"], seen["id"]) == (
            3,
            1,
            0,
            3,
            0,
            0,
        )
        assert seen["addr"] % BEAT_BYTES == 0
        assert seen["addr"] // PAGE == (seen["addr"] + BEAT_BYTES * beats - 1) // PAGE, (
            "a burst crosses 4 KiB"
        )
        return Burst(seen["addr"], beats, self.clock)

    @property
    def unanswered(self):
        return len(self.reads) + len(self.writes) - self.answered


def shapes(bursts):
    return [(burst.address, burst.beats) for burst in bursts]


def expected_shapes(address, beats):
    """Return (address, length) of the bursts of a command: 16 beats each, but the last may be shorter."""
    return [(address + 128 * i, min(16, beats - 16 * i)) for i in range(-(-beats // 16))]


def start(master, address, beats):
    yield master.address.eq(address)
    yield master.beats.eq(beats)
    yield master.start.eq(1)
    yield
    yield master.start.eq(0)
    yield master.address.eq(0x55555580)  # The address was sampled with start; a later change has no effect.
    yield master.beats.eq(3)
    yield
    yield


def until(signal, value=1, limit=20_000):
    for _ in range(limit):
        if (yield signal) == value:
            return
        yield
    raise AssertionError(f"still not {value} after {limit} clocks")


def abort(master, clocks=8):
    """Abort a master as the sequencer does: for at least ``clocks`` clocks and until it is idle."""
    yield master.abort.eq(1)
    for _ in range(clocks):
        yield
    yield from until(master.idle)
    yield master.abort.eq(0)
    yield
