"""Layouts and checks of images whose shape is neither MNIST's nor a square."""

import numpy as np
import pytest

from lst_overlay.memory.images import GROUP, ImageLayout, checked_image, checked_images

SHAPE = (12, 20)
PIXELS = 240


@pytest.mark.parametrize("shape", [SHAPE, (PIXELS,)])
def test_images_of_the_shape_and_flat_ones_are_taken(shape):
    images = np.random.default_rng(1).integers(0, 256, (3, *shape), dtype=np.uint8)
    np.testing.assert_array_equal(checked_images(images, SHAPE), images.reshape(3, PIXELS))
    np.testing.assert_array_equal(checked_image(images[2], SHAPE), images[2].reshape(1, PIXELS))


@pytest.mark.parametrize("shape", [(20, 12), (28, 28), (12, 20, 1), (239,)])
def test_any_other_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"must have shape \(N, 12, 20\) or \(N, 240\), not \(3, "):
        checked_images(np.zeros((3, *shape), np.uint8), SHAPE)
    with pytest.raises(ValueError, match=r"classify takes one image, \(12, 20\) or \(240,\), not \("):
        checked_image(np.zeros(shape, np.uint8), SHAPE)


# (shape, ports, packed bits): (bytes of an image as an array, beats on a port, bytes in a buffer)
SIZES = {
    ((12, 12), 1, 0): (144, 18, 144),
    ((12, 20), 2, 0): (240, 30, 240),
    ((12, 20), 4, 0): (240, 30, 240),
    ((12, 20, 3), 1, 0): (720, 90, 720),
    ((12, 20), 2, 2): (240, 12, 96),
    ((12, 20), 4, 2): (240, 6, 48),
    ((12, 20), 4, 4): (240, 12, 96),
}


@pytest.mark.parametrize("declaration, sizes", SIZES.items(), ids=str)
def test_sizes_come_from_the_shape(declaration, sizes):
    layout = ImageLayout(*declaration)
    assert (layout.image_bytes, layout.beats_per_image, layout.bytes_per_image) == sizes


# (ports, packed bits): (buffers, bytes of a stripe)
STRIPES = {
    (1, 0): (1, GROUP * PIXELS),
    (2, 0): (1, GROUP * PIXELS),
    (4, 0): (1, GROUP * PIXELS),
    (2, 2): (1, 128),
    (4, 2): (2, 128),
    (4, 4): (2, 128),
}


@pytest.mark.parametrize("declaration, stripes", STRIPES.items(), ids=str)
def test_ports_begin_with_the_stripes_of_each_buffer_one_after_another(declaration, stripes):
    layout, (buffers, stripe) = ImageLayout(SHAPE, *declaration), stripes
    assert (layout.buffers, 128 * layout.stripe_bursts) == stripes
    begins = [(port % buffers, port // buffers * stripe) for port in range(layout.ports)]
    assert [layout.offset_bytes(port) for port in range(layout.ports)] == [begin for _, begin in begins]
    addresses = [0x1000, 0x8000][:buffers]
    assert layout.sources(addresses) == [addresses[buffer] + begin for buffer, begin in begins[:2]]


@pytest.mark.parametrize("ports, numbers", [(1, (0,)), (2, (0, 2)), (4, (0, 2, 1, 3))])
def test_ports_are_shared_out_over_both_ports_of_the_memory_controller(ports, numbers):
    assert ImageLayout(SHAPE, ports).hp_ports == numbers


@pytest.mark.parametrize("ports, bits", [(3, 0), (1, 2), (2, 4), (8, 2)])
def test_a_layout_that_no_engine_has_is_refused(ports, bits):
    with pytest.raises(ValueError, match=f"uint8 pixels 1, 2 or 4 ports, not {bits} bits and {ports} ports"):
        ImageLayout(SHAPE, ports, bits)


@pytest.mark.parametrize("ports, bits", [(2, 2), (4, 4)])
def test_a_beat_holds_the_packed_pixels_of_a_row(ports, bits):
    layout = ImageLayout(SHAPE, ports, bits)
    images = np.random.default_rng(2).integers(0, 256, (3, *SHAPE), dtype=np.uint8)
    buffers = [np.full((3, layout.bytes_per_image), 0xAA, np.uint8) for _ in range(layout.buffers)]
    layout.fill(images.reshape(3, PIXELS), buffers)
    columns = SHAPE[1] // len(buffers)
    for half, buffer in enumerate(buffers):
        for beat, row in zip(buffer.view("<u8").ravel().tolist(), images.reshape(-1, SHAPE[1])):
            codes = (row[columns * half : columns * (half + 1)] >> 8 - bits).tolist()
            assert beat == sum(code << bits * place for place, code in enumerate(codes))


def test_two_buffers_of_2_bits_hold_the_even_and_the_odd_rows():
    layout = ImageLayout(SHAPE, 4, 2)
    images = np.random.default_rng(2).integers(0, 256, (3, *SHAPE), dtype=np.uint8)
    buffers = [np.full((3, layout.bytes_per_image), 0xAA, np.uint8) for _ in range(layout.buffers)]
    layout.fill(images.reshape(3, PIXELS), buffers)
    for first, buffer in enumerate(buffers):
        for beat, row in zip(buffer.view("<u8").ravel().tolist(), images[:, first::2].reshape(-1, SHAPE[1])):
            assert beat == sum(code << 2 * place for place, code in enumerate((row >> 6).tolist()))


def test_an_odd_number_of_rows_is_no_number_of_pairs():
    with pytest.raises(
        ValueError, match="packed rows must fill whole bytes of one beat of each of 2 buffers"
    ):
        ImageLayout((9, 20), 4, 2)


def packed_by_pixels(layout, images):
    """The buffers of packed ``images``, (N, *shape), pixel by pixel."""
    codes = images >> 8 - layout.packed_bits
    rows = codes.reshape(len(images), layout.beats_per_image, layout.buffers, -1).astype(np.uint64)
    places = np.arange(rows.shape[-1], dtype=np.uint64) * np.uint64(layout.packed_bits)
    beats = (rows << places).sum(axis=3, dtype=np.uint64)
    return [beats[:, :, number].copy().view(np.uint8) for number in range(layout.buffers)]


@pytest.mark.parametrize("shape", [(12, 20), (28, 28), (16, 16)], ids=str)
@pytest.mark.parametrize("ports, bits", [(2, 2), (4, 2), (4, 4)])
@pytest.mark.parametrize("count", [1, 256, 257, 600])
def test_every_image_of_a_batch_is_packed(shape, ports, bits, count):
    layout = ImageLayout(shape, ports, bits)
    images = np.random.default_rng(4).integers(0, 256, (count, *shape), dtype=np.uint8)
    buffers = [np.full((count, layout.bytes_per_image), 0xAA, np.uint8) for _ in range(layout.buffers)]
    before = images.copy()
    layout.fill(images.reshape(count, -1), buffers)
    np.testing.assert_array_equal(images, before)
    for buffer, expected in zip(buffers, packed_by_pixels(layout, images)):
        np.testing.assert_array_equal(buffer, expected)


@pytest.mark.parametrize("ports, bits", [(2, 2), (4, 2), (4, 4)])
@pytest.mark.parametrize(
    "taken", ["every second", "backwards", "column-major", "from an odd address", "read-only"]
)
def test_images_are_packed_however_they_lie_in_memory(ports, bits, taken):
    layout = ImageLayout(SHAPE, ports, bits)
    memory = np.random.default_rng(5).integers(0, 256, 20 * PIXELS + 1, dtype=np.uint8)
    images = {
        "every second": memory[:-1].reshape(20, PIXELS)[::2],
        "backwards": memory[:-1].reshape(20, PIXELS)[::-1],
        "column-major": memory[:-1].reshape(PIXELS, 20).T,
        "from an odd address": memory[1:].reshape(20, PIXELS),
        "read-only": memory[:-1].reshape(20, PIXELS),
    }[taken]
    images.flags.writeable = taken != "read-only"
    buffers = [np.zeros((len(images), layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
    layout.fill(images, buffers)
    for buffer, expected in zip(buffers, packed_by_pixels(layout, images.reshape(-1, *SHAPE))):
        np.testing.assert_array_equal(buffer, expected)
