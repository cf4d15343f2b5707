"""ResMLPOverlay on the verilated array: batches, networks that follow one another, faults, CIFAR-10."""

import numpy as np
import pytest

import lst_overlay.hardware.batches
from lst_overlay import HardwareError, HardwareTimeout, LstOverlayError, ResMLPOverlay
from lst_overlay.network import NetworkError, classify, logits
from lst_overlay.registers import ErrorCode
from lst_overlay.simulator.board import SimulatedBoard
from tests.conftest import declared_engines, simulated_bitstream
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.images import test_images

SPECS = {spec.name: spec for spec in declared_engines()}
SPEC = SPECS["resmlp_array"]
STREAMED = random_array_network(2, channels=16, hidden=16)  # built into resmlp_streaming
SMALL = random_array_network(1)
LARGE = {
    "LERP, h = 1": {"hidden": 96},
    "ReLU, h = 1": {"hidden": 96, "relu": True},
    "LERP, h = 0.5": {"hidden": 48},
}
TIMEOUT_S = 600  # of commands that simulate many cycles: the machine may have other work


@pytest.fixture(scope="module")
def bit(tmp_path_factory):
    return simulated_bitstream(tmp_path_factory.mktemp("array"), "resmlp_array")


@pytest.fixture
def overlay(bit):
    """An overlay with SMALL on a board that must obey the bus rules."""
    board = SimulatedBoard()
    with ResMLPOverlay(bit, device=board, network=SMALL) as made:
        yield made
    assert board.violations() == []


def assert_right(overlay, images):
    """The logits and the classes of the images are the reference's."""
    expected = logits(overlay.network, images)
    np.testing.assert_array_equal(overlay.logits(images, timeout=TIMEOUT_S), expected)
    np.testing.assert_array_equal(overlay.predict(images, timeout=TIMEOUT_S), classify(expected))


@pytest.mark.parametrize("count", [1, 2, 7, 17])
def test_any_number_of_pictures(overlay, count):
    assert_right(overlay, random_pictures(count, count))


def test_chunks_meet_without_a_seam(overlay, monkeypatch):
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 8)
    assert_right(overlay, random_pictures(19))


def test_pictures_in_device_memory_are_answered_alike(overlay):
    images = random_pictures(20)
    with overlay.pack(images) as packed:
        np.testing.assert_array_equal(overlay.logits(packed[16:]), logits(SMALL, images[16:]))
        np.testing.assert_array_equal(overlay.predict(packed), classify(logits(SMALL, images)))


def test_networks_follow_one_another_without_a_download(overlay):
    images = random_pictures(2)
    for sizes in LARGE.values():
        overlay.load_network(random_array_network(8, channels=96, blocks=4, **sizes))
        assert_right(overlay, images)
    overlay.load_network(SMALL)
    assert_right(overlay, images)


def test_the_interval_is_the_declared_one_and_dma_adds_little(overlay):
    overlay.load_network(random_array_network(8, channels=96, blocks=4, **LARGE["LERP, h = 1"]))
    images = random_pictures(12)
    _, batch = overlay.predict(images, profile=True, timeout=TIMEOUT_S)
    _, single = overlay.predict(images[:1], profile=True, timeout=TIMEOUT_S)
    interval = (batch["cycles"] - single["cycles"]) / (len(images) - 1)
    assert interval == pytest.approx(SPEC.cycles_per_image, rel=0.001)  # memory stalls at random
    assert overlay.throughput_test(12, timeout=TIMEOUT_S)["throughput[images/s]"] > 5_000


def test_the_self_test_passes(overlay):
    assert all(check.passed for check in overlay.self_test()), overlay.self_test()


def test_a_batch_that_is_given_up_leaves_the_network(overlay):
    images = random_pictures(9)
    with pytest.raises(HardwareTimeout, match="batch of 9 images from image 0"):
        overlay.predict(images, timeout=1e-9)
    before = overlay.accelerator.registers.read("NETWORK_HASH")
    assert_right(overlay, images)
    assert overlay.accelerator.registers.read("NETWORK_HASH") == before != 0


def test_a_load_that_is_given_up_is_made_up_for(overlay):
    other = random_array_network(2, channels=24, hidden=40, relu=True)
    with pytest.raises(HardwareTimeout, match="LOAD"):
        overlay.load_network(other, timeout=1e-9)
    assert overlay.network is SMALL
    assert_right(overlay, random_pictures(2))


def test_pixels_that_memory_refuses_are_an_error_and_the_next_batch_is_right(overlay):
    images = random_pictures(17)
    with overlay.pack(images) as packed:
        address = packed.addresses[0][0] + 5 * 3072
        overlay.device.fabric.inject_error(address, 8)
        with pytest.raises(HardwareError, match="hardware error 1, memory answered a read") as caught:
            overlay.predict(packed)
        assert (
            caught.value.code == ErrorCode.READ_RESPONSE and address - 128 < caught.value.address <= address
        )
        overlay.device.fabric.clear_errors()
        np.testing.assert_array_equal(overlay.predict(packed), classify(logits(SMALL, images)))


def test_memory_that_never_answers_is_reported_and_a_download_begins_anew(overlay):
    images = random_pictures(3)
    overlay.device.fabric.inject(memory_dead=True)
    with pytest.raises(
        HardwareTimeout, match="(?s)batch of 3 images.*soft reset that followed failed.*DRAIN_ST"
    ):
        overlay.predict(images, timeout=0.5)
    overlay.download()
    assert_right(overlay, images)


def test_the_shipped_network_agrees_on_cifar10(overlay):
    """On 300 images; `python -m gateware simulate --engine resmlp_array` compares all of them, in minutes."""
    images = test_images("cifar10").images[:300]
    overlay.load_network(SPEC.network)
    expected = logits(overlay.network, images)
    np.testing.assert_array_equal(overlay.logits(images, timeout=10 * TIMEOUT_S), expected)
    np.testing.assert_array_equal(overlay.predict(images[:9]), classify(expected)[:9])


# The other configurations of the array, each with the network that fills it.
WIDE = {"weight_bits": 8, "code_bits": 8}
FILLED = {
    "resmlp_array_int8": random_array_network(8, channels=96, hidden=96, blocks=4, **WIDE),
    "resmlp_array_h2": random_array_network(8, channels=96, hidden=192, blocks=4, relu=True),
}


@pytest.mark.parametrize("engine", FILLED)
def test_each_configuration_is_exact_and_keeps_its_interval(tmp_path, engine):
    board, network, images = SimulatedBoard(), FILLED[engine], random_pictures(12)
    with ResMLPOverlay(simulated_bitstream(tmp_path, engine), board) as overlay:
        shipped = SPECS[engine].network
        assert (overlay.network and overlay.network.name) == shipped
        if shipped:
            assert_right(overlay, images[:1])
        overlay.load_network(network)
        expected = logits(network, images)
        np.testing.assert_array_equal(overlay.logits(images, TIMEOUT_S), expected)
        classes, batch = overlay.predict(images[:4], True, TIMEOUT_S)
        np.testing.assert_array_equal(classes, classify(expected)[:4])
        _, single = overlay.predict(images[:1], True, TIMEOUT_S)
        interval = (batch["cycles"] - single["cycles"]) / 3
        assert interval == pytest.approx(SPECS[engine].cycles_per_image, rel=0.001)
        with pytest.raises(NetworkError, match=": engine resmlp_array takes it$"):
            overlay.load_network(SPEC.network)
        assert overlay.network is network
    assert board.violations() == []


def test_a_network_that_is_built_in_streams(tmp_path):
    """A stage for each matrix: batches, one that is given up, and the interval of a long one."""
    board, interval = SimulatedBoard(), 3104  # of the pixels, the slowest part of so small a network
    with ResMLPOverlay(simulated_bitstream(tmp_path, "resmlp_streaming", STREAMED), board) as overlay:
        assert overlay.network.name == STREAMED.name
        images = random_pictures(14)
        assert_right(overlay, images[:3])
        with pytest.raises(HardwareTimeout, match="batch of 9 images from image 0"):
            overlay.predict(images[:9], timeout=1e-9)
        _, batch = overlay.predict(images, True, TIMEOUT_S)
        _, single = overlay.predict(images[:1], True, TIMEOUT_S)
        assert (batch["cycles"] - single["cycles"]) / 13 == pytest.approx(interval, rel=0.01)
        assert_right(overlay, images[:2])
        with pytest.raises(LstOverlayError, match="this bitstream has its network built in"):
            overlay.load_network(SPEC.network)
    assert board.violations() == []
