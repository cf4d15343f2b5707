"""ResMLP networks in files: what is saved is loaded, and what is wrong is refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lst_overlay import network
from lst_overlay.network import (
    NetworkFileError,
    content_hash,
    load_network,
    logits,
    outputs,
    save_network,
)
from lst_overlay.network import archive as network_file
from tests.driver.network.lst.test_encoding import members
from tests.driver.network.resmlp.networks import random_images, random_network

# random_network(5, channels=4, hidden=6, with_golden=True), as the first release with version 3 wrote it.
VERSION_3 = Path(__file__).parent / "data" / "version3.npz"
VERSION_3_HASH = "020ce17025a4d9d2017973c20e3b9e878a504df61b25126b2b73b6826a3d5473"
VERSION_3_LOGITS = [[-30916, 17532, -17528, 52092, -8726], [-29002, 15046, -18232, 49474, -6460]]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "small.npz"
    save_network(random_network(with_golden=True), path)
    return path


def test_load_returns_what_was_saved(saved):
    made, loaded = random_network(with_golden=True), load_network(saved)
    assert content_hash(loaded) == content_hash(made)
    np.testing.assert_array_equal(logits(loaded, random_images(9)), logits(made, random_images(9)))
    assert (loaded.name, loaded.kind, loaded.provenance, loaded.patch) == ("small", "ResMLP", {"seed": 0}, 2)


def test_the_golden_image_and_every_tensor_of_it_survive(saved):
    made, loaded = random_network(with_golden=True).golden, load_network(saved).golden
    np.testing.assert_array_equal(loaded.image, made.image)
    for ours, theirs in zip(loaded.outputs, made.outputs):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    found = outputs(load_network(saved), loaded.image[None])
    assert all((ours == theirs[0]).all() for ours, theirs in zip(loaded.outputs, found))


def test_the_same_network_gives_the_same_bytes(saved, tmp_path):
    save_network(load_network(saved), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()


def test_version_3_is_read():
    network = load_network(VERSION_3)
    assert network.content_hash == VERSION_3_HASH == content_hash(dataclasses.replace(network))
    np.testing.assert_array_equal(logits(network, random_images(2, 7)), VERSION_3_LOGITS)


def test_a_file_is_written_as_it_was_read(tmp_path):
    """Member for member: how they are deflated is zlib's."""
    save_network(load_network(VERSION_3), tmp_path / "again.npz")
    assert members(tmp_path / "again.npz") == members(VERSION_3)


def test_a_changed_weight_is_noticed(saved):
    with np.load(saved) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["layer0.weights_q"][0, 0] ^= 1
    np.savez(saved, **arrays)
    with pytest.raises(NetworkFileError, match="the file was altered"):
        load_network(saved)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda header, arrays: header["layers"][0].update(layer="conv"),
            "layer 0 is of kind 'conv'; there are matrix, affine",
        ),
        (
            lambda header, arrays: header["layers"][3].update(source=3),
            r"layer 3 \(add\): source must be an earlier layer",
        ),
        (lambda header, arrays: header["layers"][9].pop("shift"), "header lacks or misstates 'shift'"),
        (lambda header, arrays: arrays.pop("layer3.shift"), r"layer 3 \(add\): layer3.shift is missing"),
        (
            lambda header, arrays: header["layers"][0].update(bits=9),
            "bits must be a whole number in 2..8, not 9",
        ),
        (lambda header, arrays: header["layers"][0].update(weight_bits=5), "weights_q must lie in -15..15"),
        (lambda header, arrays: header.update(pixel_bits=True), "pixel_bits must be a whole number in 2..8"),
        (lambda header, arrays: header["layers"][0].update(relu=2), "relu must be true or false, not 2"),
        (lambda header, arrays: header.update(provenance=None), "provenance must be an object, not None"),
        (
            lambda header, arrays: arrays["layer0.shift"].fill(0),
            r"layer 0 \(matrix\): shift must lie in 1..16, found 0..0",
        ),
        (lambda header, arrays: arrays["layer0.weights_q"].fill(-128), r"weights_q must lie in -127..127"),
        (
            lambda header, arrays: arrays.update({"layer4.table_q": arrays["layer4.table_q"][:, :48]}),
            "a table for codes of 8 bits must have a power of two of entries, 2..128, not 48",
        ),
        (
            lambda header, arrays: arrays.update({"layer4.table_q": arrays["layer4.table_q"].astype("<i2")}),
            "must be stored as |i1, not <i2",
        ),
        (
            lambda header, arrays: header["layers"][0].update(axis="rows"),
            "axis must be one of channels, tokens, not 'rows'",
        ),
        (lambda header, arrays: header.update(patch=3), "divided by patches of 3 pixels"),
        (lambda header, arrays: header["layers"].pop(), "the last layer must be a classifier"),
        (
            lambda header, arrays: arrays.update({"golden.layer0": arrays["golden.layer0"][:1]}),
            "golden must hold",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_the_rule(saved, change, message):
    with np.load(saved) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("header").tobytes())
    del header["content_sha256"]
    change(header, arrays)
    network_file.write_archive(saved, header, arrays)
    with pytest.raises(NetworkFileError, match=message):
        load_network(saved)


@pytest.mark.parametrize(
    "number, changes, message",
    [
        (0, {"weights_q": np.zeros((6, 13), int)}, "layer 0 .*: is made for 13 channels, its input has 12"),
        (2, {"weights_q": np.zeros((8, 9), int)}, "layer 2 .*: is made for 9 tokens, its input has 8"),
        (4, {"table_q": np.zeros((7, 64), int)}, "layer 4 .*: is made for 7 channels, its input has 6"),
        (
            8,
            {"source": 5},
            r"layer 8 .*: its input has shape \(8, 6\), that of layer 5, which it adds, \(8, 10\)",
        ),
        (8, {"source": 7}, "layer 8 .*: source must be an earlier layer than the one before, -1..6, not 7"),
        (
            8,
            {"weights_q": np.zeros(7, int), "shift": np.ones(7, int), "bias_q": None},
            "layer 8 .*: is made for 7 channels, its input has 6",
        ),
        (10, {"weights_q": np.zeros((5, 7), int)}, "layer 10 .*: is made for 7 channels"),
        (0, {"step": np.ones(7)}, "layer 0 .*: step must be one number or 6, one for each channel, not 7"),
    ],
)
def test_layers_that_do_not_fit_are_refused(number, changes, message):
    layers = list(random_network().layers)
    layers[number] = dataclasses.replace(layers[number], **changes)
    with pytest.raises(network.NetworkError, match=message):
        dataclasses.replace(random_network(), layers=tuple(layers))


@pytest.mark.parametrize(
    "number, changes, message",
    [
        (0, {"bias_q": np.full(6, 128)}, "bias_q must lie in -128..127, found 128..128"),
        (0, {"step": np.zeros(6)}, "step must hold positive finite numbers"),
        (0, {"step": np.ones((2, 3))}, r"step must have shape \(1,\) or \(channels,\), not \(2, 3\)"),
        (10, {"weights_q": np.zeros((5, 513), int)}, "fan_in must be at most 512, not 513"),
        (10, {"bias_q": np.full(5, 1 << 25)}, "bias_q must lie in -16777216..16777216"),
        (0, {"weights_q": np.zeros((6, 513), int)}, "fan_in must be at most 512, not 513"),
        (0, {"weights_q": np.zeros((6, 12))}, "weights_q must hold integers, not float64"),
        (3, {"weights_q": np.full(6, 128)}, "weights_q must lie in -127..127, found 128..128"),
        (3, {"shift": np.zeros(6, int)}, "shift must lie in 1..16, found 0..0"),
        (9, {"shift": 0}, "shift must be a whole number in 1..16, not 0"),
    ],
)
def test_numbers_outside_their_range_are_refused(number, changes, message):
    with pytest.raises(network.NetworkError, match=message):
        dataclasses.replace(random_network().layers[number], **changes)


def test_layers_out_of_place_are_refused():
    """Tokens are gone after the mean; nothing takes logits; there is no mean of a mean."""
    layers = random_network().layers
    for wrong, message in (
        (layers[:9] + (layers[10],), "the classifier needs the mean over the tokens"),
        (layers[:10] + (layers[2],) + layers[10:], "tokens are needed, the mean has been taken already"),
        (layers[:10] + (layers[9],) + layers[10:], "tokens are needed, the mean has been taken already"),
        (layers + (layers[10],), "the last layer must be a classifier, and no other"),
        ((), "the last layer must be"),
    ):
        with pytest.raises(network.NetworkError, match=message):
            dataclasses.replace(random_network(), layers=wrong)


def test_more_tokens_than_float32_can_add_up_are_refused():
    with pytest.raises(network.NetworkError, match="an image may have 65536 tokens at most, not 131072"):
        dataclasses.replace(random_network(), image_shape=(512, 1024, 3), patch=2)
