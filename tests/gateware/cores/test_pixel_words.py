"""PixelWords in Migen's simulator: beats of pixels as words of codes, filled up to a square or not."""

import numpy as np
import pytest
from migen import run_simulation

from gateware.cores.pixel_words import PixelWords


def run(images, size, pixels=2, bits=4, full_every=5):
    """Send images, (N, rows, columns); return the words of codes that leave, (N, size, size / pixels).

    full_every: in one of so many clocks, ``room`` is low.
    """
    shape = images.shape[1:]
    dut, out = PixelWords(pixels, bits, None if shape == (size, size) else (shape, size)), []
    beats, words = images.reshape(-1, 8), len(images) * size * size // pixels

    def feed():
        for beat in beats:
            yield dut.sinks[0].data.eq(int.from_bytes(bytes(beat), "little"))
            yield dut.sinks[0].valid.eq(1)
            yield
            while not (yield dut.sinks[0].ready):
                yield
        yield dut.sinks[0].valid.eq(0)

    def take():
        for clock in range(3 * words + 50):
            yield dut.room.eq(clock % full_every != 0)
            yield
            if (yield dut.source.valid):
                out.append((yield dut.source.data))

    run_simulation(dut, [feed(), take()])
    return np.reshape(out, (len(images), size, size // pixels))


@pytest.mark.parametrize("shape, size", [((8, 8), 8), ((8, 8), 12), ((8, 4), 8), ((4, 8), 8), ((8, 10), 10)])
@pytest.mark.parametrize("pixels", [1, 2])
def test_an_image_has_its_pixels_in_the_upper_left_of_the_square(shape, size, pixels):
    images = np.random.default_rng(size).integers(0, 256, (3, *shape), dtype=np.uint8)
    codes = (images >> 4).astype(int)
    words = codes[..., 0::pixels] | (codes[..., 1::pixels] << 4 if pixels == 2 else 0)
    found = run(images, size, pixels)
    np.testing.assert_array_equal(found[:, : shape[0], : shape[1] // pixels], words)
