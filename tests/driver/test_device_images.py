"""Images in device memory: `allocate` and `pack`, and what takes them."""

import threading
import time

import numpy as np
import pytest

import lst_overlay.hardware.batches
from lst_overlay import LST1Overlay, LstOverlayError
from lst_overlay import network as contract
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from tests.boards.fake import FOUR_PORTS, PIXEL_SERIAL, make_slow
from tests.boards.instant import SmallBoard
from tests.driver.conftest import NETWORKS, fake_board, network_for, write_bitstream
from tests.driver.random_network import random_images

DESIGNS = {
    "uint8": PIXEL_SERIAL,
    "uint8, four ports": Capabilities(1, True, ImageLayout((28, 28), 4), PIXEL_SERIAL.record),
    "packed, two ports": Capabilities(1, True, ImageLayout((28, 28), 2, 2), PIXEL_SERIAL.record),
    "packed, four ports": FOUR_PORTS,
}


def overlay_of(design, directory):
    network = network_for(design)
    device, bitfile = fake_board(directory, [network], design)
    return LST1Overlay(bitfile, device, network=network)


@pytest.fixture(params=DESIGNS)
def overlay(request, tmp_path):
    """An overlay on the fake board for each layout of the images."""
    with overlay_of(DESIGNS[request.param], tmp_path) as made:
        yield made


@pytest.fixture
def small(tmp_path):
    """An overlay on a board that knows how much memory is in use."""
    with LST1Overlay(write_bitstream(tmp_path), SmallBoard(NETWORKS), network=NETWORKS[0]) as made:
        yield made


def reference(overlay, images):
    return contract.logits(overlay.network, images)


def test_packed_images_are_answered_as_often_as_wanted(overlay):
    images = random_images(21)
    expected = reference(overlay, images)
    packed = overlay.pack(images)
    assert len(packed) == 21 and packed.layout == overlay.layout
    for _ in range(2):
        np.testing.assert_array_equal(overlay.logits(packed), expected)
        np.testing.assert_array_equal(overlay.predict(packed), contract.classify(expected))
    classes, figures = overlay.predict(packed, profile=True)
    np.testing.assert_array_equal(classes, contract.classify(expected))
    assert figures["images"] == 21 and figures["input_format"] == overlay.layout.name


def test_memory_that_others_fill_is_read_without_a_flush_of_theirs(overlay):
    images, layout = random_images(3), overlay.layout
    memory = overlay.allocate(3)
    assert [part.shape for part in memory.memory] == [(3, layout.bytes_per_image)] * layout.buffers
    if not layout.packed_bits:
        memory.memory[0][:] = images.reshape(3, 784)
    columns = 28 // layout.buffers
    for half, part in enumerate(memory.memory if layout.packed_bits else ()):
        rows = (
            images[:, :, columns * half : columns * (half + 1)].reshape(-1, columns) >> 8 - layout.packed_bits
        )
        words = [sum(code << layout.packed_bits * k for k, code in enumerate(row)) for row in rows.tolist()]
        part[:] = np.array(words, "<u8").view(np.uint8).reshape(3, -1)
    np.testing.assert_array_equal(overlay.logits(memory), reference(overlay, images))


def test_nothing_is_packed_or_allocated_once_images_are_in_memory(overlay, monkeypatch):
    images = random_images(9)
    packed = overlay.pack(images)
    monkeypatch.setattr(ImageLayout, "fill", None)
    monkeypatch.setattr(overlay.device, "allocate", None)
    np.testing.assert_array_equal(overlay.logits(packed), reference(overlay, images))


@pytest.mark.parametrize("count", [16, 31, 33, 48])
def test_chunks_in_memory_meet_without_a_seam(overlay, monkeypatch, count):
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 16)
    images = random_images(count)
    packed = overlay.pack(images)
    np.testing.assert_array_equal(overlay.logits(packed), reference(overlay, images))
    np.testing.assert_array_equal(overlay.predict(packed), contract.classify(reference(overlay, images)))
    assert overlay.device.deepest_queue == min(2, -(-count // 16))


def test_a_part_is_the_same_memory(overlay):
    images, others = random_images(40), random_images(10, seed=2)
    packed = overlay.pack(images)
    np.testing.assert_array_equal(overlay.logits(packed[16:39]), reference(overlay, images[16:39]))
    packed[16:][:10].fill(others)
    images[16:26] = others
    np.testing.assert_array_equal(overlay.logits(packed), reference(overlay, images))


@pytest.mark.parametrize("part", [slice(3, None), slice(None, None, 2), slice(16, 16), slice(32, 48)])
def test_a_part_that_cannot_be_is_refused(overlay, part):
    with pytest.raises(ValueError, match="consecutive images, at least one, and begin at a multiple of 16"):
        overlay.allocate(20)[part]
    with pytest.raises(TypeError, match=r"slices, such as images\[:16\], not 3; the pixels are in .memory"):
        overlay.allocate(20)[3]


def test_filling_takes_what_fits_alone(overlay):
    memory = overlay.allocate(20)
    for images, error, message in (
        (random_images(19), ValueError, r"fill takes 20 images, not 19: fill a part, images\[:n\]"),
        (random_images(21), ValueError, "fill takes 20 images, not 21"),
        (random_images(20) / 255, TypeError, "must be uint8 pixels"),
        (random_images(20)[:, 1:], ValueError, "must have shape"),
    ):
        with pytest.raises(error, match=message):
            memory.fill(images)


@pytest.mark.parametrize(
    "count, error, message",
    [
        (0, ValueError, "images must be at least 1, not 0"),
        (-3, ValueError, "not -3"),
        (2.0, TypeError, "images must be an integer, the number of them, not float"),
        (True, TypeError, "not bool"),
        (10**30, LstOverlayError, r"cannot allocate .* MB of contiguous memory \(addresses have 32 bits\)"),
    ],
)
def test_a_number_of_images_that_cannot_be_is_refused(overlay, count, error, message):
    with pytest.raises(error, match=message):
        overlay.allocate(count)


def test_bad_images_are_not_packed(overlay):
    with pytest.raises(TypeError, match="images must be uint8 pixels"):
        overlay.pack(random_images(2).astype(float))


ENDS = {
    "freebuffer": lambda overlay, images: images.freebuffer(),
    "freebuffer of a part": lambda overlay, images: images[:16].freebuffer(),
    "the end of a with block": lambda overlay, images: images.__exit__(None, None, None),
    "download": lambda overlay, images: overlay.download(),
}


@pytest.mark.parametrize("end", ENDS)
def test_freed_images_are_refused_and_their_memory_is_back(small, end):
    images = small.pack(random_images(20))
    part = images[16:]
    ENDS[end](small, images)
    assert small.device.used == 0 and "freed" in repr(images)
    for use in (
        lambda: small.predict(images),
        lambda: small.logits(part),
        lambda: small.throughput_test(images),
        lambda: images.fill(random_images(20)),
        lambda: images.memory,
    ):
        with pytest.raises(LstOverlayError, match="these images were freed, .*: allocate or pack them again"):
            use()


def test_an_overlay_takes_its_images_along(small):
    part = small.pack(random_images(20))[:16]
    small.free()
    assert small.device.used == 0 and part.freed
    with pytest.raises(LstOverlayError, match="the overlay was freed"):
        small.predict(part)
    with pytest.raises(LstOverlayError, match="the overlay was freed"):
        small.allocate(1)


def test_memory_goes_with_the_last_reference(small):
    part = small.allocate(20)[:16]
    assert small.device.used
    del part
    assert small.device.used == 0


def test_an_array_of_the_memory_stays_valid(small):
    images = small.pack(random_images(20))
    array = images.memory[0]
    images.freebuffer()
    assert small.device.used == array.size
    array[:] = 1


def test_memory_stays_while_the_accelerator_uses_it(small):
    images = small.pack(random_images(20))
    entered, leave = make_slow(small.device)
    errors = []

    def predict():
        with pytest.raises(LstOverlayError, match="these images were freed") as caught:
            small.predict(images)
        errors.append(caught.value)

    thread = threading.Thread(target=predict)
    thread.start()
    assert entered.wait(10)
    images.freebuffer()
    used = small.device.used
    leave.set()
    thread.join()
    assert used > 0 and small.device.used == 0 and errors


@pytest.mark.parametrize("design", DESIGNS)
def test_images_of_another_overlay_are_refused(overlay, tmp_path, design):
    (tmp_path / "other").mkdir()
    with overlay_of(DESIGNS[design], tmp_path / "other") as other:
        images, written = other.pack(random_images(3)), len(overlay.device.written)
        for call in (overlay.predict, overlay.logits, overlay.throughput_test):
            with pytest.raises(
                ValueError, match="of this overlay's allocate or pack, not DeviceImages.3 images"
            ):
                call(images)
        assert len(overlay.device.written) == written
        assert len(other.predict(images)) == 3


def test_the_reference_takes_arrays_alone(overlay):
    images = overlay.pack(random_images(3))
    for call in (overlay.predict, overlay.logits, overlay.throughput_test):
        with pytest.raises(TypeError, match="software=True takes images as a uint8 array"):
            call(images, software=True)


def test_throughput_says_from_where_it_measured(overlay):
    images = random_images(20)
    memory = f"{overlay.layout.name} memory"
    for given, source, scope in (
        (20, memory, "with_dma"),
        (overlay.pack(images), memory, "with_dma"),
        (images, "uint8 array through Python", "from_python"),
        (images.reshape(20, 784), "uint8 array through Python", "from_python"),
    ):
        figures = overlay.throughput_test(given)
        assert (figures["measured_from"], figures["scope"], figures["batch_size"]) == (source, scope, 20)
        assert figures["input_format"] == overlay.layout.name
    assert overlay.throughput_test(images, software=True)["measured_from"] == "uint8 array through Python"


@pytest.mark.parametrize("simulated", [True, False])
def test_copying_counts_from_an_array_alone(overlay, monkeypatch, simulated):
    monkeypatch.setattr(overlay, "_simulated", simulated)
    monkeypatch.setattr(overlay._batches, "_simulated", simulated)
    images, fill = random_images(20), ImageLayout.fill
    packed = overlay.pack(images)

    def slow(*arguments):
        time.sleep(0.3)
        fill(*arguments)

    monkeypatch.setattr(ImageLayout, "fill", slow)
    array, memory = overlay.throughput_test(images), overlay.throughput_test(packed)
    assert memory["runtime[ms]"] < 300 < array["runtime[ms]"]
    clock = "cycles / fclk (simulated)" if simulated else "wall clock"
    assert memory["runtime_source"] == clock
    assert array["runtime_source"] == ("wall clock + " * simulated + clock)


def test_bandwidth_is_that_of_all_buffers(overlay):
    figures = overlay.throughput_test(20)
    layout = overlay.layout
    bytes_ = {0: 784, 2: 224, 4: 448}[layout.packed_bits]
    rate = figures["throughput[images/s]"]
    assert figures["DRAM_in_bandwidth[MB/s]"] == pytest.approx(bytes_ * rate / 1e6)


def test_more_images_than_one_command_takes_are_not_measured(overlay, monkeypatch):
    monkeypatch.setattr("lst_overlay.hardware.measurements.MAX_IMAGES", 19)
    with pytest.raises(ValueError, match=r"batch_size must be 1..19, not 20"):
        overlay.throughput_test(overlay.allocate(20))
