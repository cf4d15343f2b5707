"""Wrong arguments and files.

Each raises one clear error before the hardware is accessed, and the overlay works afterwards.
"""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay import network as contract
from lst_overlay.network import Axis, Layer, LSTNetwork, Network, NetworkError, NetworkFileError
from tests.driver.conftest import NETWORKS
from tests.driver.random_network import random_images, random_lst1

NAN_IMAGES = np.full((2, 28, 28), np.nan, np.float32)
BAD_IMAGES = {
    "list": ([[0] * 784], TypeError, "must be a numpy array, not list"),
    "none": (None, TypeError, "must be a numpy array, not NoneType"),
    "float": (
        np.zeros((2, 28, 28), np.float32),
        TypeError,
        r"uint8 pixels 0..255, not float32; if they lie in 0..1, make them by \(255 \* images\).round",
    ),
    "float in -1..1": (
        np.linspace(-1, 1, 1568, dtype=np.float32).reshape(2, 784),
        TypeError,
        r"if they lie in -1..1, make them by \(127.5 \* \(images \+ 1\)\).round\(\).astype\('uint8'\)",
    ),
    "float in 0..255": (
        np.linspace(0, 255, 1568).reshape(2, 784),
        TypeError,
        r"not float64; if they lie in 0..255, make them by images.round\(\).astype\('uint8'\)",
    ),
    "normalised float": (
        np.linspace(-0.5, 3.25, 1568).reshape(2, 784),
        TypeError,
        r"not float64; they lie in -0.5..3.25$",
    ),
    "masked": (
        np.ma.masked_array(np.zeros((2, 28, 28), np.uint8), mask=True),
        TypeError,
        "images must not be a masked array: fill it",
    ),
    "nan": (NAN_IMAGES, TypeError, "not float32 .and 1568 of 1568 values are NaN"),
    "int64": (np.zeros((2, 784), np.int64), TypeError, r"not int64; pass images.astype\('uint8'\)$"),
    "int64 of other values": (np.full((2, 784), 256), TypeError, "must be uint8 pixels 0..255, not int64$"),
    "tensor": (SimpleNamespace(numpy=None), TypeError, r"not SimpleNamespace: pass images.numpy\(\)$"),
    "file": (
        "photo.png",
        TypeError,
        "not str: lst_overlay.samples.photo.digit_of makes an image",
    ),
    "one channel": (
        np.zeros((2, 1, 28, 28), np.uint8),
        ValueError,
        r"28, 28\): pass images\[:, 0\]",
    ),
    "colours": (np.zeros((2, 32, 32, 3), np.uint8), ValueError, "ResMLPOverlay takes pictures in colour"),
    "photographs": (np.zeros((2, 480, 640, 3), np.uint8), ValueError, "photo.digit_of makes an image"),
    "bool": (np.zeros((2, 784), bool), TypeError, "not bool"),
    "object": (np.zeros((2, 784), object), TypeError, "not object"),
    "single": (
        np.zeros((28, 28), np.uint8),
        ValueError,
        r"not \(28, 28\): for a single image pass images\[None\]",
    ),
    "single flat": (np.zeros(784, np.uint8), ValueError, r"not \(784,\): for a single image"),
    "size": (
        np.zeros((2, 32, 32), np.uint8),
        ValueError,
        r"must have shape \(N, 28, 28\) or \(N, 784\), not \(2, 32, 32\)",
    ),
    "channels": (np.zeros((2, 28, 28, 1), np.uint8), ValueError, r"not \(2, 28, 28, 1\)"),
    "scalar": (np.array(3, np.uint8), ValueError, r"not \(\)"),
    "empty": (np.zeros((0, 28, 28), np.uint8), ValueError, "at least one image, not 0"),
}


@pytest.mark.parametrize("case", sorted(BAD_IMAGES))
def test_bad_images(fake, case):
    device, overlay = fake
    images, error, message = BAD_IMAGES[case]
    before = len(device.written)
    for call in (overlay.predict, overlay.logits):
        with pytest.raises(error, match=message):
            call(images)
    assert len(device.written) == before
    assert len(overlay.predict(random_images(3))) == 3


@pytest.mark.parametrize(
    "size, error, message",
    [
        (0, ValueError, "must be 1..1048575, not 0"),
        (-1, ValueError, "not -1"),
        (1 << 20, ValueError, "not 1048576"),
        ([8, 0], ValueError, "not 0"),
        ("8", TypeError, "not str"),
        ([[8]], TypeError, "not list"),
        (np.zeros((2, 784)), TypeError, "images must be uint8 pixels 0..255, not float64"),
        (
            np.zeros((2, 783), np.uint8),
            ValueError,
            r"must have shape \(N, 28, 28\) or \(N, 784\), not \(2, 783\)",
        ),
        (2.5, TypeError, "must be an integer, a sequence of them, or images, not float"),
        (True, TypeError, "not bool"),
    ],
)
def test_bad_batch_size(fake, size, error, message):
    with pytest.raises(error, match=message):
        fake[1].throughput_test(size)


def not_lst1() -> Network:
    dense = Layer(Axis.DENSE, np.ones((10, 784), np.int64), np.zeros(10, np.int64), 8, 1.0)
    return LSTNetwork("dense-only", "mlp", 8, (28, 28), (dense,))


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def altered(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(bytes(data))


def foreign(path):
    with open(path, "wb") as file:
        np.savez(file, weights=np.zeros(3))


def text(path):
    path.write_text("not a network\n")


@pytest.mark.parametrize("damage", [truncated, altered, foreign, text])
def test_bad_network_file_changes_nothing(fake, tmp_path, damage):
    device, overlay = fake
    path = tmp_path / "network.npz"
    contract.save_network(NETWORKS[1], path)
    damage(path)
    before = len(device.written)
    with pytest.raises(NetworkFileError, match="network.npz"):
        overlay.load_network(path)
    assert len(device.written) == before
    assert overlay.network is NETWORKS[0]
    images = random_images(3)
    np.testing.assert_array_equal(overlay.logits(images), contract.logits(NETWORKS[0], images))


def test_network_that_is_not_lst1(fake, tmp_path):
    device, overlay = fake
    contract.save_network(not_lst1(), tmp_path / "mlp.npz")
    before = len(device.written)
    with pytest.raises(NetworkError, match="'dense-only' .mlp. must be rows and columns in turn"):
        overlay.load_network(tmp_path / "mlp.npz")
    assert len(device.written) == before and overlay.network is NETWORKS[0]


def test_unknown_network_name_lists_the_shipped_ones(fake):
    with pytest.raises(FileNotFoundError, match="no network file 'lst1_q99' in .*; shipped networks: "):
        fake[1].load_network("lst1_q99")
    with pytest.raises(
        TypeError, match="a network is a path, a shipped network's name or a Network, not int"
    ):
        fake[1].load_network(3)


def test_shipped_network_by_name(fake, tmp_path, monkeypatch):
    device, overlay = fake
    network = random_lst1(2)
    contract.save_network(network, tmp_path / "mine.npz")
    monkeypatch.setattr("lst_overlay.samples.shipped_networks.DIRECTORY", tmp_path)
    overlay.load_network("mine")
    assert overlay.network.name == network.name
    with pytest.raises(FileNotFoundError, match="shipped networks: mine$"):
        overlay.load_network("others")


@pytest.mark.parametrize(
    "timeout, error, message",
    [
        (float("nan"), ValueError, "timeout must be a positive, finite number of seconds, not nan"),
        (float("inf"), ValueError, "not inf"),
        (0, ValueError, "not 0"),
        (-1, ValueError, "not -1"),
        (10**400, ValueError, "timeout must be a positive, finite number of seconds, not 1000000"),
        ("2", TypeError, "timeout must be a number of seconds, not str"),
    ],
)
def test_a_timeout_that_is_none_is_refused(fake, timeout, error, message):
    device, overlay = fake
    written = len(device.written)
    with pytest.raises(error, match=message):
        overlay.predict(np.zeros((1, 28, 28), np.uint8), timeout=timeout)
    assert len(device.written) == written


def test_a_masked_image_is_refused(fake):
    image = np.ma.masked_array(np.zeros((28, 28), np.uint8), mask=True)
    with pytest.raises(TypeError, match="must not be a masked array"):
        fake[1].classify(image)


@pytest.mark.parametrize("bitfile", [b"x.bit", 3])
def test_a_bitfile_of_another_type_is_refused(fake, bitfile):
    kind = type(bitfile).__name__
    with pytest.raises(TypeError, match=f"bitfile must be a path or the stem of a .bit, not {kind}"):
        LST1Overlay(bitfile, fake[0])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_overlay_is_not_copied(fake, copied):
    with pytest.raises(TypeError, match="stands for the board itself and cannot be copied or pickled"):
        copied(fake[1])
