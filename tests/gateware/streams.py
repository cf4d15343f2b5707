"""Processes for Migen's simulator: they feed and take streams, with gaps."""

from itertools import chain, repeat

from migen import passive, run_simulation

NO_GAPS = ()


def feed(endpoint, beats, gaps=NO_GAPS, limit=2_000):
    """Offer each beat, a dict of fields, until it is taken. gaps: idle clocks before each, then 0."""
    for beat, gap in zip(beats, chain(gaps, repeat(0))):
        for _ in range(gap):
            yield
        for name, value in beat.items():
            yield getattr(endpoint, name).eq(value)
        yield endpoint.valid.eq(1)
        yield
        waited = 0
        while not (yield endpoint.ready):
            yield
            waited += 1
            assert waited < limit, f"{beat} waited {limit} clocks"
        yield endpoint.valid.eq(0)


def clocks(number):
    for _ in range(number):
        yield


def take(endpoint, beats, count, gaps=NO_GAPS, limit=10_000):
    """Append (clock, fields as dict) to ``beats`` until there are ``count``. gaps: clocks without ready.

    Fails when a beat that waited changed or went away.
    """
    clock = 0
    for gap in chain(gaps, repeat(0)):
        if len(beats) == count:
            break
        waiting = None
        for left in range(gap, -1, -1):
            yield endpoint.ready.eq(left == 0)
            while True:
                yield
                clock += 1
                assert clock < limit, f"{len(beats)} of {count} beats after {limit} clocks"
                beat = yield from fields(endpoint)
                assert waiting in (None, beat), f"{waiting} became {beat} while it waited"
                if left or beat is not None:
                    break
            waiting = beat
        beats.append((clock, beat))
    yield endpoint.ready.eq(0)


def valid_without_ready(endpoint, clocks_=20):
    """Fails unless valid comes though nobody is ready, and then stays."""
    seen = []
    for _ in range(clocks_):
        yield
        seen.append((yield endpoint.valid))
    assert any(seen) and seen == sorted(seen), seen


@passive
def watch(endpoint, beats):
    """Appends (clock, fields) of all that a stream without back-pressure says."""
    clock = 0
    while True:
        yield
        clock += 1
        beat = yield from fields(endpoint)
        if beat is not None:
            beats.append((clock, beat))


def fields(endpoint):
    """What is offered in this clock, or None."""
    if not (yield endpoint.valid):
        return None
    names = [name for name, *_ in endpoint.description.payload_layout]
    beat = {}
    for name in names:
        beat[name] = yield getattr(endpoint, name)
    beat["last"] = yield endpoint.last
    return beat


def simulate(module, *processes):
    run_simulation(module, list(processes))


def values(beats, name="data"):
    return [beat[name] for _, beat in beats]
