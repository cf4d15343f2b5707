"""ResMLPOverlay: colour pictures in, classes of ResMLP networks out, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from lst_overlay import (
    BitstreamError,
    HardwareError,
    HardwareTimeout,
    LST1Overlay,
    LstOverlayError,
    ResMLPOverlay,
    open_overlay,
)
from lst_overlay.network import NetworkError, classify, load_network, logits, save_network
from lst_overlay.network.family import CLASS_NAMES
from lst_overlay.registers import ErrorCode
from lst_overlay.samples.shipped_networks import find
from tests.boards.fake import RESMLP_ARRAY, FakeBoard
from tests.driver.conftest import NETWORKS, array_bitstream, write_bitstream
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures

NETWORK = dataclasses.replace(random_array_network(1), provenance={"dataset": "cifar10"})
OTHER = random_array_network(2, channels=24, hidden=40, relu=True)
PICTURES = random_pictures(5)


@pytest.fixture
def board(tmp_path):
    """(device, overlay) of a fake board with the array and NETWORK."""
    device = FakeBoard([NETWORK, OTHER], RESMLP_ARRAY)
    with ResMLPOverlay(array_bitstream(tmp_path), device, network=NETWORK) as made:
        yield device, made


@pytest.fixture
def overlay(board):
    return board[1]


def assert_works(overlay, network=NETWORK):
    """The overlay answers with the network, so nothing was lost."""
    assert overlay.network is network
    np.testing.assert_array_equal(overlay.logits(PICTURES), logits(network, PICTURES))


def test_logits_and_classes_are_the_references(overlay):
    expected = logits(NETWORK, PICTURES)
    np.testing.assert_array_equal(overlay.logits(PICTURES), expected)
    np.testing.assert_array_equal(overlay.predict(PICTURES), classify(expected))
    np.testing.assert_array_equal(overlay.logits(PICTURES, software=True), expected)
    assert overlay.layout.shape == (32, 32, 3)


def test_a_picture_is_classified_by_the_name_of_its_class(overlay):
    answer = overlay.classify(PICTURES[0])
    assert overlay.classes == CLASS_NAMES["cifar10"] == answer.class_names
    assert repr(answer).startswith(f"Classification({overlay.classes[overlay.predict(PICTURES[:1])[0]]}, ")
    np.testing.assert_array_equal(
        answer.probabilities, overlay.classify(PICTURES[0], software=True).probabilities
    )


def test_pictures_in_device_memory_are_answered_alike(overlay):
    expected = logits(NETWORK, PICTURES)
    with overlay.pack(PICTURES) as packed, overlay.allocate(5) as filled:
        filled.fill(PICTURES)
        for images in (packed, filled):
            np.testing.assert_array_equal(overlay.logits(images), expected)
        assert overlay.throughput_test(packed)["measured_from"] == "uint8 memory"


def test_throughput_and_self_test_need_no_pictures(overlay):
    test = overlay.throughput_test(7)
    assert test["DRAM_in_bandwidth[MB/s]"] == pytest.approx(3072e-6 * test["throughput[images/s]"])
    assert overlay.throughput_test(3, software=True)["batch_size"] == 3
    assert all(check.passed for check in overlay.self_test())


def test_networks_follow_one_another(overlay):
    for network in (OTHER, NETWORK):
        overlay.load_network(network)
        assert_works(overlay, network)


@pytest.mark.parametrize(
    "pictures, message",
    [
        (
            PICTURES.transpose(0, 3, 1, 2),
            r"must have shape \(N, 32, 32, 3\), not \(5, 3, 32, 32\): the colours come last, "
            r"so pass images.transpose\(0, 2, 3, 1\)$",
        ),
        (
            PICTURES.reshape(5, 3072),
            r"not \(5, 3072\): flat images do not say where their colours are; those of CIFAR's files become "
            r"images by reshape\(-1, 3, 32, 32\).transpose\(0, 2, 3, 1\)$",
        ),
        (PICTURES[0], r"not \(32, 32, 3\): for a single image pass images\[None\]$"),
        (PICTURES[0].transpose(2, 0, 1), r"so pass images.transpose\(1, 2, 0\)\[None\] if it is one$"),
        (PICTURES[..., 0], r"not \(5, 32, 32\)$"),
        (np.zeros((2, 28, 28), np.uint8), r"not \(2, 28, 28\)$"),
    ],
)
def test_pictures_in_another_order_are_refused_with_advice(board, pictures, message):
    device, overlay = board
    before = len(device.written)
    for call in (overlay.predict, overlay.logits, overlay.pack, overlay.throughput_test):
        with pytest.raises(ValueError, match=message):
            call(pictures)
    assert len(device.written) == before
    assert_works(overlay)


@pytest.mark.parametrize(
    "picture, message",
    [
        (
            PICTURES[0].transpose(2, 0, 1),
            r"not \(3, 32, 32\): the colours come last, so pass image.transpose\(1, 2, 0\)$",
        ),
        (PICTURES[:1], r"not \(1, 32, 32, 3\): pass image\[0\]$"),
        (np.zeros((480, 640, 3), np.uint8), "lst_overlay.samples.scene.scene_of makes an image of a picture"),
        (PICTURES[0].ravel(), r"one image, \(32, 32, 3\), not \(3072,\): flat images do not say"),
        (PICTURES, r"not \(5, 32, 32, 3\): predict takes many"),
    ],
)
def test_classify_refuses_a_picture_in_another_order_with_advice(overlay, picture, message):
    with pytest.raises(ValueError, match=message):
        overlay.classify(picture)


def test_the_advice_on_colours_that_come_first_is_right(overlay):
    planes = np.ascontiguousarray(PICTURES.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(planes.transpose(0, 2, 3, 1), PICTURES)
    rows = planes.reshape(5, 3072)
    np.testing.assert_array_equal(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), PICTURES)


@pytest.mark.parametrize(
    "network, message",
    [
        (lambda: "lst1_w6a4p4", "'lst1_w6a4p4' .LST-1. is of the family lst, where one of the family resmlp"),
        (
            lambda: random_array_network(3, weight_bits=8, code_bits=8),
            "pixels must have codes of 6 bits, not 8: engine resmlp_array_int8 takes it$",
        ),
        (
            lambda: random_array_network(3, channels=96, hidden=192, blocks=4, relu=True),
            "room for 6144 words of weights, the network needs more: engine resmlp_array_h2 takes it$",
        ),
        (lambda: random_array_network(3, weight_bits=6, code_bits=6), "those of the array have 5 bits"),
        (
            lambda: random_array_network(3, hidden=224),
            "has codes of 224 channels, the array has room for 208",
        ),
        (
            lambda: random_array_network(3, channels=128, hidden=128, blocks=8),
            "the array has room for 6144 words of weights, the network needs more$",
        ),
    ],
    ids=["family", "INT8", "h = 2", "weights", "channels", "memory"],
)
def test_a_network_that_does_not_fit_is_refused_and_the_present_one_stays(board, network, message):
    device, overlay = board
    before = len(device.written)
    with pytest.raises(NetworkError, match=message):
        overlay.load_network(network())
    assert len(device.written) == before
    assert_works(overlay)


def test_the_engine_that_the_hwh_names_decides_what_the_array_takes(tmp_path):
    bitfile = array_bitstream(tmp_path, "resmlp_array_int8")
    message = "pixels must have codes of 8 bits, not 6: engine resmlp_array or resmlp_array_h2 takes it$"
    with pytest.raises(NetworkError, match=message):
        ResMLPOverlay(bitfile, FakeBoard([NETWORK], RESMLP_ARRAY), network=NETWORK)


def test_an_engine_that_this_driver_cannot_load_is_named(tmp_path):
    message = (
        r"engine resmlp_new is none that this driver can load with resmlp networks \(resmlp_array, res.*: up"
    )
    with pytest.raises(NetworkError, match=message):
        ResMLPOverlay(array_bitstream(tmp_path, "resmlp_new"), FakeBoard(), network=NETWORK)


def test_an_engine_without_a_shipped_network_waits_for_one(tmp_path):
    """Its .hwh says that it has none."""
    device = FakeBoard([NETWORK], RESMLP_ARRAY)
    with ResMLPOverlay(array_bitstream(tmp_path, network=""), device) as overlay:
        assert overlay.network is None
        with pytest.raises(LstOverlayError, match="no network is loaded: call load_network first"):
            overlay.predict(PICTURES)
        overlay.load_network(NETWORK)
        assert_works(overlay)


def test_lst1_overlay_refuses_a_resmlp_network_and_keeps_its_own(fake, tmp_path):
    device, overlay = fake
    save_network(NETWORK, tmp_path / "resmlp.npz")
    before = len(device.written)
    with pytest.raises(NetworkError, match="'random' .ResMLP. is of the family resmlp, where one of the fam"):
        overlay.load_network(tmp_path / "resmlp.npz")
    assert len(device.written) == before and overlay.network is NETWORKS[0]


@pytest.mark.parametrize("network", ["auto", None])
def test_a_bitstream_of_the_other_family_is_refused_before_the_download(tmp_path, network):
    device = FakeBoard([NETWORK], RESMLP_ARRAY)
    with pytest.raises(
        BitstreamError,
        match="takes networks of the family resmlp, LST1Overlay those of the family lst: open_ov",
    ):
        LST1Overlay(array_bitstream(tmp_path), device, network=network)
    device = FakeBoard(NETWORKS)
    with pytest.raises(BitstreamError, match="of the family lst, ResMLPOverlay those of the family resmlp"):
        ResMLPOverlay(write_bitstream(tmp_path), device, network=network)
    assert device.downloads == 0


def test_open_overlay_takes_the_class_of_the_bitstreams_family(tmp_path, monkeypatch):
    device = FakeBoard([NETWORK], RESMLP_ARRAY)
    monkeypatch.setattr("lst_overlay.overlay.default_device", lambda: device)
    with open_overlay(array_bitstream(tmp_path), NETWORK) as made:
        assert type(made) is ResMLPOverlay and repr(made).startswith("ResMLPOverlay(")
        assert "<b>ResMLPOverlay</b>" in made._repr_html_()
    with pytest.raises(BitstreamError, match="of the family 'new', this driver knows lst, resmlp: update"):
        open_overlay(write_bitstream(tmp_path, family="new"))


def test_open_overlay_takes_the_loadable_engine_that_can_hold_the_network(monkeypatch, tmp_path):
    device = FakeBoard([NETWORK], RESMLP_ARRAY)
    monkeypatch.setattr("lst_overlay.hardware.bitstream_files.search_roots", lambda: [tmp_path])
    monkeypatch.setattr("lst_overlay.overlay.default_device", lambda: device)
    stems = {
        "auto": "pixel_serial-loadable",
        "lst1_q6.7": "pixel_serial-loadable",
        "resmlp_lerp_psa_h1_w5a6": "resmlp_array-loadable",
        "resmlp_lerp_psa_h1_int8": "resmlp_array_int8-loadable",
        "resmlp_relu_h2_w5a6": "resmlp_array_h2-loadable",
    }
    for network, stem in stems.items():
        with pytest.raises(BitstreamError, match=f"no bitstream for board .*{stem}.bit"):
            open_overlay(network=network)


def test_after_an_error_of_the_hardware_and_a_dead_one_the_next_batch_is_right(board):
    device, overlay = board
    device.faults.error = (ErrorCode.READ_RESPONSE, 0x1234)
    with pytest.raises(HardwareError, match="hardware error 1"):
        overlay.predict(PICTURES)
    assert_works(overlay)
    device.faults.never_finish = True
    with pytest.raises(HardwareTimeout, match="batch of 5 images from image 0: not reached within 0.2 s"):
        overlay.predict(PICTURES, timeout=0.2)
    device.faults.never_finish = False
    assert_works(overlay)
    overlay.download()
    assert_works(overlay)


def test_a_batch_may_take_the_longer_the_more_cycles_the_engine_needs_for_an_image(tmp_path):
    device = FakeBoard([NETWORK], RESMLP_ARRAY)
    bitfile = array_bitstream(tmp_path, cycles_per_image=26_180)
    with ResMLPOverlay(bitfile, device, network=NETWORK) as overlay:
        assert overlay._batches.timeout(100) == pytest.approx(10 * (2.0 + 100 * 0.02618))


def test_a_network_whose_parameters_are_altered_on_their_way_is_noticed(board):
    device, overlay = board
    device.faults.network_hash_xor = 1
    with pytest.raises(HardwareError, match="network 'random' did not arrive as sent"):
        overlay.load_network(OTHER)
    device.faults.network_hash_xor = 0
    assert_works(overlay)


def test_a_shipped_resmlp_file_names_the_classes_of_cifar10():
    assert load_network(find("resmlp_lerp_psa_h1_w5a6")).class_names == CLASS_NAMES["cifar10"]
    assert random_array_network(1).class_names == tuple("0123456789")
