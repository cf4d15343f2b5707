"""A network as the parameters of the array: what they compute, when, and what is refused."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst_overlay.network import NetworkError, classify, logits, outputs
from lst_overlay.network.resmlp import pixel_codes
from lst_overlay.network.resmlp.array_format import ARRAY, H2, INT8, ArrayFormat
from lst_overlay.network.resmlp.array_parameters import array_words
from lst_overlay.network.resmlp.passes import passes
from tests.driver.network.resmlp.array_model import ArrayModel
from tests.driver.network.resmlp.array_networks import random_array_network, random_pictures
from tests.driver.network.resmlp.networks import random_network

WIDE = {"weight_bits": 8, "code_bits": 8}  # what a network of the format INT8 has


def assert_model_is_right(network, image, fmt=ARRAY):
    """The array's model computes the output of every layer from the words alone."""
    model = ArrayModel(array_words(network, fmt), fmt)
    expected = [output[0] for output in outputs(network, image[None])]
    found, mean, values = model.run(pixel_codes(network, image[None])[0].astype(np.int64))
    for item, steps in zip(passes(network), found):
        layers = zip(
            ("matrix", "affine", "stream", "code"), (item.matrix, item.affine, item.add, item.function)
        )
        present = [name for name, layer in layers if layer is not None]
        present = ["code"] if present == ["matrix"] and not item.is_last else present
        for place, name in enumerate(present):
            np.testing.assert_array_equal(steps[name][:, : item.channels], expected[item.number + place])
    np.testing.assert_array_equal(mean, expected[-2])
    np.testing.assert_array_equal(values[: network.classes], expected[-1])
    return values


@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": 96, "hidden": 96},
        {"channels": 40, "hidden": 24, "relu": True},
        {"channels": 128, "hidden": 112, "entries": 16},
        {"channels": 9, "hidden": 130, "entries": 8, "blocks": 2},
        {"weight_bits": 4, "blocks": 0},
    ],
    ids=str,
)
def test_words_hold_all_that_every_layer_needs(sizes):
    image = random_pictures(1)[0]
    assert_model_is_right(random_array_network(1, **sizes), image)
    assert_model_is_right(random_array_network(1, **{**sizes, **WIDE}), image, INT8)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    channels=st.integers(1, 40),
    hidden=st.integers(1, 40),
    relu=st.booleans(),
    extreme=st.booleans(),
    pixel=st.sampled_from([None, 0, 255]),
    wide=st.booleans(),
)
def test_words_of_random_networks(seed, pixel, wide, **sizes):
    image = random_pictures(1, seed)[0] if pixel is None else np.full((32, 32, 3), pixel, np.uint8)
    network = random_array_network(seed, **sizes, **(WIDE if wide else {}))
    assert_model_is_right(network, image, INT8 if wide else ARRAY)


@pytest.mark.parametrize("fmt, widths", [(ARRAY, {}), (INT8, WIDE)], ids=["W5A6", "INT8"])
def test_a_pass_waits_hardly_longer_than_it_must(fmt, widths):
    """With 16 clocks less, the model reads a code before it is written, or two tiles' results overlap."""
    network, image = random_array_network(3, **widths), random_pictures(1)[0]
    codes = pixel_codes(network, image[None])[0].astype(np.int64)
    model = ArrayModel(array_words(network, fmt), fmt)
    waiting = [item for item in model.passes[1:] if item["wait"] > 16]
    assert waiting
    for item in waiting:
        item["wait"] -= 16
        with pytest.raises(AssertionError, match="before it is written|overlap"):
            model.run(codes)
        item["wait"] += 16
    model.run(codes)


def test_large_networks_wait_only_for_the_results_of_the_image_before():
    cases = (
        (ARRAY, {"hidden": 96}),
        (ARRAY, {"hidden": 96, "relu": True}),
        (H2, {"hidden": 192, "relu": True}),
    )
    for fmt, sizes in (*cases, (INT8, {"hidden": 96, **WIDE}), (INT8, {"hidden": 96, "relu": True, **WIDE})):
        network = random_array_network(4, channels=96, blocks=4, **sizes)
        waits = [item["wait"] for item in ArrayModel(array_words(network, fmt), fmt).passes]
        assert waits == [16] + [0] * 12


def test_added_classes_never_win():
    network = random_array_network(5, classes=3, extreme=True)
    for image in (*random_pictures(3), np.zeros((32, 32, 3), np.uint8)):
        values = assert_model_is_right(network, image)
        assert classify(values[None]) == classify(logits(network, image[None]))
        assert values[3:].max() < values[:3].min()


def test_parameters_fill_whole_beats():
    for fmt, widths in ((ARRAY, {}), (INT8, WIDE)):
        assert fmt.parameter_bytes == array_words(random_array_network(**widths), fmt).nbytes
        assert fmt.parameter_bytes % 8 == 0


# What is refused.


def changed(network, number, **members):
    layers = list(network.layers)
    layers[number] = dataclasses.replace(layers[number], **members)
    return dataclasses.replace(network, layers=tuple(layers))


NETWORK = random_array_network(6)
ALL = {"weights_q": np.ones((16, 48), int), "shift": np.ones(16, int), "bias_q": np.zeros(16, int)}


@pytest.mark.parametrize(
    "network, message",
    [
        (random_network(), r"takes images of \(4, 8, 3\) in patches of 2, the array \(32, 32, 3\)"),
        (random_array_network(classes=11), "has 11 classes, the array has 10"),
        (random_array_network(code_bits=5), "pixels must have codes of 6 bits, not 5"),
        (changed(NETWORK, 1, bits=7), r"layer 1 \(affine\) must have codes of 6 bits, not 7"),
        (changed(NETWORK, 3, bits=6), r"layer 3 \(affine\) must have codes of 8 bits, not 6"),
        (changed(NETWORK, 0, weights_q=16 * ALL["weights_q"], weight_bits=6), "weights of up to 16"),
        (random_array_network(hidden=209), "has codes of 209 channels, the array has room for 208"),
        (random_array_network(channels=129), "adds or averages 129 channels, the array 128"),
        (random_array_network(channels=96, hidden=192, blocks=4), "room for 6144 words of weights"),
        (random_array_network(channels=112, hidden=16, blocks=9), "room for 512 words of adds"),
        (random_array_network(hidden=208, blocks=5), "tables for 1024 channels"),
        (random_array_network(blocks=11), "has 34 matrices on tokens, the array takes 32"),
        (random_array_network(hidden=257, relu=True), "a fan_in of 257, the array sums up to 256"),
    ],
)
def test_what_the_array_cannot_hold_is_refused_with_rule_and_value(network, message):
    with pytest.raises(NetworkError, match=message):
        array_words(network, ARRAY)


@pytest.mark.parametrize(
    "network, message",
    [
        (NETWORK, "pixels must have codes of 8 bits, not 6"),
        (
            random_array_network(channels=96, hidden=112, blocks=4, relu=True, **WIDE),
            "room for 12288 words of weights",
        ),
        (random_array_network(channels=112, blocks=7, relu=True, **WIDE), "room for 1024 words of functions"),
        (random_array_network(hidden=192, blocks=4, **WIDE), "tables for 768 channels"),
    ],
)
def test_what_an_array_of_two_products_cannot_hold_is_refused(network, message):
    with pytest.raises(NetworkError, match=message):
        array_words(network, INT8)


def test_a_network_of_another_family_is_refused():
    from tests.driver.network.lst.networks import random_network as lst_network

    with pytest.raises(NetworkError, match="of the family lst, where one of the family resmlp is needed"):
        array_words(lst_network(1, 28, 28, 28, 10), ARRAY)


@pytest.mark.parametrize(
    "sizes, message",
    [
        ((6, 6, 4), r"at most 25 and 18 bits; 4 products of 6-bit weights and 6-bit codes need 28 and 18: "),
        ((6, 5, 4), r"6-bit weights and 5-bit codes need 26 and 16: "),
        ((3, 8, 4), r"3-bit weights and 8-bit codes need 23 and 19: "),
        ((10, 8, 2), r"2 products of 10-bit weights and 8-bit codes need 27 and 8: "),
        ((5, 9, 2), "code_bits must be at most 8, not 9"),
        ((5, 6, 3), "products must be 2 or 4, not 3"),
    ],
)
def test_a_format_that_does_not_fit_its_multipliers_is_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        ArrayFormat(*sizes)


@pytest.mark.parametrize("words", [0, 6000, 18_432])
def test_a_format_whose_weights_do_not_fill_block_rams_is_refused(words):
    with pytest.raises(ValueError, match=f"a multiple of 2048, at most 16384, not {words}"):
        ArrayFormat(weight_words=words)


# Passes.


def test_passes_of_a_block_with_learned_functions():
    found = passes(random_array_network())
    assert [(item.number, item.result, item.is_stored, item.is_last) for item in found] == [
        (0, 0, True, False),
        (2, 4, True, False),
        (6, 6, False, False),
        (8, 9, False, True),
    ]
    assert [type(item.function).__name__ for item in found] == ["Affine", "Table", "Table", "NoneType"]
    assert [item.affine is None for item in found] == [True, False, True, True]


def inserted(network, number, layer):
    layers = list(network.layers)
    layers.insert(number, layer)
    return dataclasses.replace(network, layers=tuple(layers))


def test_layers_that_fit_no_pass_are_refused():
    network = random_array_network(blocks=0)
    affine = random_array_network().layers[3]
    with pytest.raises(NetworkError, match=r"layer 1 stands before the mean"):
        passes(inserted(network, 1, affine))
    longer = inserted(inserted(NETWORK, 1, affine), 1, affine)
    shifted = changed(changed(longer, 6, source=2), 11, source=6)
    with pytest.raises(NetworkError, match=r"layer 3 \(affine\) has no place behind a matrix"):
        passes(shifted)


def test_an_add_of_another_output_than_the_last_stored_is_refused():
    network = random_array_network(blocks=2)
    with pytest.raises(
        NetworkError, match=r"layer 13 \(add\) takes the output of layer 0; only .* \(4\) is kept"
    ):
        passes(changed(network, 13, source=0))


def test_a_network_that_begins_with_an_affine_is_refused():
    network = random_array_network(blocks=0)
    affine = dataclasses.replace(random_array_network(channels=48).layers[3], bits=6)
    with pytest.raises(NetworkError, match="must begin with a matrix"):
        passes(inserted(network, 0, affine))


def test_a_mean_behind_a_matrix_over_tokens_is_refused():
    network = random_array_network(blocks=0)
    matrix = random_array_network().layers[2]
    narrow = changed(network, 0, bits=6)
    with pytest.raises(NetworkError, match="the mean must follow a matrix over channels"):
        array_words(inserted(narrow, 1, matrix), ARRAY)
