"""Parts of the array in Migen's simulator: each against a few lines of NumPy."""

import numpy as np
import pytest
from litex.gen import LiteXModule
from migen import Signal, run_simulation

from gateware.cores.requantiser import Clip, Requantiser
from gateware.engines.resmlp_array.pixel_writer import PixelWriter
from gateware.engines.resmlp_array.stream_memory import StreamMemory
from lst_overlay.network.resmlp import pixel_codes
from lst_overlay.network.resmlp.array_format import ARRAY
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.gateware.streams import clocks, feed, simulate, take


class Clipped(LiteXModule):
    def __init__(self, width, bits, relu):
        self.value = Signal((width, True))
        self.clip = Clip(self.value, bits, relu)


@pytest.mark.parametrize("relu", [0, 1])
@pytest.mark.parametrize("width, bits", [(9, 6), (12, 8)])
def test_clip_of_every_value(width, bits, relu):
    dut, found = Clipped(width, bits, relu), []
    values = list(range(-(1 << width - 1), 1 << width - 1))

    def process():
        for value in values + [0] * Clip.latency:
            yield dut.value.eq(value)
            yield
            found.append((yield dut.clip.y))

    run_simulation(dut, process())
    low = 0 if relu else -(1 << bits - 1)
    assert found[-len(values) :] == np.clip(values, low, (1 << bits - 1) - 1).tolist()


class Requantised(LiteXModule):
    def __init__(self):
        self.a, self.b, self.bias = Signal((24, True)), Signal((8, True)), Signal((8, True))
        self.requantiser = Requantiser(self.a, self.b, self.bias, 8)


def test_requantiser_rounds_ties_up_for_every_shift():
    dut, found, expected = Requantised(), [], []
    rng = np.random.default_rng(1)
    cases = [
        (w, x, r, b)
        for r in range(1, 17)
        for w, x, b in zip(*(rng.choice([-127, -1, 1, 127, 64], 9) for _ in range(3)))
    ]
    cases += [
        (int(w), int(x), int(r), int(b))
        for w, x, r, b in zip(
            rng.integers(-127, 128, 300),
            rng.integers(-128, 128, 300),
            rng.integers(1, 17, 300),
            rng.integers(-128, 128, 300),
        )
    ]

    def process():
        for w, x, r, b in [*cases, *[(0, 0, 1, 0)] * Requantiser.latency]:
            yield dut.a.eq(int(w) << 16 - r)
            yield dut.b.eq(int(x))
            delayed_bias.append(int(b))
            yield dut.bias.eq(delayed_bias[-2])
            yield
            found.append((yield dut.requantiser.y))

    delayed_bias = [0]
    run_simulation(dut, process())
    for w, x, r, b in cases:
        expected.append(int(np.clip(((int(w) * int(x) + (1 << r - 1)) >> r) + int(b), -128, 127)))
    assert found[-len(cases) :] == expected


@pytest.mark.parametrize("over_tokens", [0, 1])
@pytest.mark.parametrize("read_over_tokens", [0, 1])
def test_stream_written_along_one_axis_is_read_along_either(over_tokens, read_over_tokens):
    """Two groups of 16 channels and 16 tokens; each value names its channel and token."""
    dut, found = StreamMemory(ARRAY), {}

    def places(mode):
        """The first token and channel of all fours, and the distance of their lanes."""
        token_step, channel_step = (8, 1) if mode else (1, 8)
        tokens = [t for t in range(16, 48) if not t & token_step]
        channels = [c for c in range(32) if not c & channel_step]
        return [(t, c) for t in tokens for c in channels], token_step, channel_step

    def value(token, channel):
        return (token * 37 + channel * 11) % 251 - 125

    def process():
        fours, token_step, channel_step = places(over_tokens)
        for t, c in fours:
            yield dut.write.valid.eq(1)
            yield dut.write.over_tokens.eq(over_tokens)
            yield dut.write.token.eq(t)
            yield dut.write.channel.eq(c)
            for a, b in ARRAY.lanes:
                yield getattr(dut.write, f"x{a}{b}").eq(value(t + b * token_step, c + a * channel_step))
            yield
        yield dut.write.valid.eq(0)
        yield from clocks(3)
        fours, token_step, channel_step = places(read_over_tokens)
        for number, (t, c) in enumerate([*fours, *fours[:1] * (StreamMemory.latency + 1)]):
            yield dut.read.over_tokens.eq(read_over_tokens)
            yield dut.read.token.eq(t)
            yield dut.read.channel.eq(c)
            yield
            if number > StreamMemory.latency - 1:
                first_token, first_channel = fours[min(number - StreamMemory.latency, len(fours) - 1)]
                for a, b in ARRAY.lanes:
                    place = first_token + b * token_step, first_channel + a * channel_step
                    found.setdefault(place, (yield dut.z[a, b]))

    run_simulation(dut, process())
    assert len(found) == 32 * 32
    assert found == {place: value(*place) for place in found}


def test_pixels_go_to_their_tokens_and_channels_in_two_places_alternately():
    images = random_pictures(3)
    dut, beats = PixelWriter(ARRAY), []
    count = images[0].size

    def release():
        while not (yield dut.has_image):
            yield
        yield from clocks(10)
        yield dut.released.eq(1)
        yield
        yield dut.released.eq(0)

    words = [{"word": int(byte)} for byte in images.ravel()]
    simulate(
        dut, feed(dut.sink, words, limit=20_000), take(dut.source, beats, 3 * count, limit=40_000), release()
    )
    codes = pixel_codes(random_array_network(), images)
    found = np.full(codes.shape, -99)
    for number, (_, beat) in enumerate(beats):
        image = number // count
        slot = beat["slot"] - 3 * (image % 2)
        code = (beat["code"] ^ 32) - 32
        found[image, beat["token"], 16 * slot + beat["channel"]] = code
    np.testing.assert_array_equal(found, codes)


def test_every_third_clock_takes_a_byte_and_none_is_lost_while_the_memory_is_busy():
    dut, accepted, codes = PixelWriter(ARRAY), [], []

    def process():
        yield dut.sink.valid.eq(1)
        for clock in range(40):
            yield dut.sink.word.eq(4 * clock)
            yield dut.source.ready.eq(not 20 <= clock < 25)
            yield
            if (yield dut.sink.ready):
                accepted.append(clock)
            if (yield dut.source.valid) and (yield dut.source.ready):
                codes.append((yield dut.source.code) ^ 32)

    run_simulation(dut, process())
    assert accepted == [*range(1, 20, 3), *range(accepted[7], 40, 3)] and 25 < accepted[7] < 30
    assert codes == accepted[: len(codes)] and len(accepted) - len(codes) <= 1


def test_pixels_of_a_third_image_wait_until_the_first_is_released():
    dut, taken = PixelWriter(ARRAY), []
    count = random_pictures(1).size

    def process():
        yield dut.sink.valid.eq(1)
        yield dut.source.ready.eq(1)
        for phase in range(2):
            for _ in range(3 * (2 - phase) * count + 100):
                yield
                taken.append((yield dut.source.valid))
            assert sum(taken) == (2 + phase) * count
            yield dut.released.eq(1)
            yield
            yield dut.released.eq(0)

    run_simulation(dut, process())
