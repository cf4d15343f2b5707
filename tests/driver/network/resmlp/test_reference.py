"""The integer reference against plain Python integers."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import logits, outputs, resmlp, save_network
from tests.driver.network.resmlp.networks import (
    IMAGE_SHAPE,
    STEP,
    longest_sums,
    random_images,
    random_network,
)
from tests.oracles import resmlp as oracle


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    extreme=st.booleans(),
    narrow=st.booleans(),
    corner=st.sampled_from([None, 0, 127, 128, 255]),
)
def test_every_tensor_equals_plain_python_integers_from_the_file(
    tmp_path_factory, seed, extreme, narrow, corner
):
    network = random_network(seed, extreme=extreme, narrow=narrow)
    path = tmp_path_factory.mktemp("third") / "n.npz"
    save_network(network, path)
    again = oracle.read(path)
    images = random_images(2, seed) if corner is None else np.full((1, *IMAGE_SHAPE), corner, np.uint8)
    found = outputs(network, images)
    for number, image in enumerate(images):
        for layer, (ours, theirs) in enumerate(zip(found, oracle.outputs(again, image))):
            np.testing.assert_array_equal(ours[number], np.array(theirs), err_msg=f"layer {layer}")


def test_logits_are_the_last_outputs_however_many_images_come_at_once():
    network, images = random_network(3), random_images(100)
    found = logits(network, images)
    assert found.shape == (100, 5) and found.dtype == np.int64
    np.testing.assert_array_equal(found, outputs(network, images)[-1])
    np.testing.assert_array_equal(found[40:41], logits(network, images[40:41]))
    assert logits(network, images[:0]).shape == (0, 5)
    for none, some in zip(outputs(network, images[:0]), outputs(network, images)):
        assert none.shape == (0, *some.shape[1:])


def test_pixels_are_p_minus_128_patch_by_patch():
    network = random_network()
    images = random_images(2)
    codes = resmlp.pixel_codes(network, images)
    assert codes.dtype == np.int8 and codes.shape == (2, 8, 12)
    np.testing.assert_array_equal(codes[1, 5], images[1, 2:4, 2:4].astype(int).reshape(-1) - 128)


def test_narrow_pixels_are_the_upper_bits():
    network = dataclasses.replace(random_network(), pixel_bits=6)
    images = np.resize(np.array([0, 3, 4, 127, 128, 255], np.uint8), (1, *IMAGE_SHAPE))
    codes = resmlp.pixel_codes(network, images)
    assert sorted(set(codes.ravel().tolist())) == [-32, -31, -1, 0, 31]


def test_a_table_of_32_entries_has_one_for_every_eighth_code():
    entries = np.zeros((1, 32), np.int64)
    entries[0, 0] = 20
    found = resmlp.Table(entries, STEP, bits=6).expanded(8)[0]
    assert found[:9].tolist() == [20, 18, 15, 13, 10, 8, 5, 3, 0] and len(found) == 256


def test_a_classifiers_shift_rounds_and_zero_leaves_the_sum():
    layer = resmlp.Matrix(
        resmlp.Axis.CHANNELS, np.eye(3, dtype=int) * 2, np.ones(3, int), np.zeros(3, int), STEP
    )
    classifier = resmlp.Classifier(np.full((2, 3), 1), np.array([100, 0]), STEP, np.array([0, 2]))
    network = resmlp.ResMLPNetwork("n", "n", (1, 2, 3), 1, (layer, resmlp.Mean(1, STEP), classifier))
    image = np.full((1, 1, 2, 3), 130, np.uint8)  # each mean is 2, their sum 6
    assert logits(network, image).tolist() == [[106, 2]]


def test_a_table_holds_its_last_entry_and_goes_straight_between_entries():
    entries = np.zeros((1, 64), np.int64)
    entries[0, :2], entries[0, -2:] = (-128, 127), (10, -7)
    found = resmlp.Table(entries, STEP).expanded(8)[0]
    assert found[:5].tolist() == [-128, -64, 0, 63, 127]  # -128 + (255 l + 2 >> 2): ties go up
    assert found[-8:].tolist() == [10, 6, 2, -3, -7, -7, -7, -7]


def test_the_shift_rounds_to_nearest_and_ties_go_up():
    layer = resmlp.Affine(np.array([1, 1, 1, 1]), np.array([1, 1, 2, 16]), np.array([0, 0, 0, 127]), STEP)
    classifier = resmlp.Classifier(np.eye(4, dtype=int), np.zeros(4, int), STEP)
    network = resmlp.ResMLPNetwork("n", "n", (1, 1, 4), 1, (layer, resmlp.Mean(1, STEP), classifier))
    image = np.array([128 + 5, 128 - 5, 128 - 6, 255], np.uint8).reshape(1, 1, 4)
    assert outputs(network, image[None])[0][0, 0].tolist() == [3, -2, -1, 127]


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((1, *IMAGE_SHAPE), np.float32), "images must be uint8 pixels 0..255, not float32"),
        (np.zeros((1, 8, 8, 3), np.uint8), r"images must have shape \(N, 4, 8, 3\), not \(1, 8, 8, 3\)"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        logits(random_network(), images)


@pytest.mark.parametrize("axis", resmlp.Axis.ALL)
@pytest.mark.parametrize("shift", [1, 16])
def test_the_longest_sums_that_are_allowed_are_exact(axis, shift):
    network, images = longest_sums(axis, shift)
    matrix, _, classifier = network.layers
    size, weights, bias = 512, matrix.weights_q, matrix.bias_q
    found = outputs(network, images)
    x = images.reshape(size, size).astype(np.int64) - 128
    acc = x @ weights.T if axis == resmlp.Axis.CHANNELS else (weights @ x).T
    wanted = np.clip(((acc + (1 << shift >> 1)) >> shift) + bias, -128, 127)
    wanted = wanted if axis == resmlp.Axis.CHANNELS else wanted.T
    np.testing.assert_array_equal(found[0][0], wanted)
    mean = np.clip((wanted.sum(0) + 256) >> 9, -128, 127)
    np.testing.assert_array_equal(found[2][0], weights[:3] @ mean + classifier.bias_q)
