import dataclasses
import struct
import zlib

import numpy as np
import pytest

from lst_overlay.network import (
    PARAMETER_BYTES,
    Activation,
    Axis,
    NetworkError,
    load_network,
    parameter_crc,
    parameter_words,
)
from lst_overlay.network.lst.passes import program
from lst_overlay.network.lst.serial_format import (
    DESCRIPTOR,
    FIELDS,
    MAX_LENGTHS,
    TABLE_BLOCKS,
    WEIGHT_WORDS,
    sections,
)
from tests.driver.network.lst.chains import chain_network
from tests.driver.network.lst.networks import SHIPPED, lst1, random_network


def unpacked(layout, number):
    """The values of a word or a descriptor, by name."""
    values = {}
    for name, width in layout:
        values[name], number = number & (1 << width) - 1, number >> width
    return values


def taken_apart(network):
    """(values of the fields, {section: (lanes, words) int64}) of a network's parameters."""
    words = parameter_words(network)
    fields = {}
    for layout, word in zip(FIELDS, words[1:].tolist()):
        fields.update(unpacked(layout, word))
    found, place = {}, 0
    for section in sections({name: fields[name] for name in MAX_LENGTHS}):
        part = words[place : place + section.words]
        found[section.name] = signed(part).reshape(section.lanes, section.depth)
        place += section.words
    assert place == len(words)
    return fields, found


def descriptors(network, axis):
    """The descriptors of the passes along an axis."""
    lanes = taken_apart(network)[1][f"{axis}_passes"] & 0xFFFFFFFF
    count = len(program(network).passes[Axis(axis)])
    numbers = [sum(int(word) << 32 * lane for lane, word in enumerate(words)) for words in lanes.T]
    assert not any(numbers[count:])
    return [unpacked(DESCRIPTOR, number) for number in numbers[:count]]


def signed(words):
    return words.astype("<u4").view("<i4").astype(np.int64)


def with_tables(network, rows=None, columns=None):
    """table_q of a layer, of any index width, in place of the one it has."""
    layers = list(network.layers)
    for number, table_q in ((0, rows), (1, columns)):
        if table_q is not None:
            index_width = np.shape(table_q)[-1].bit_length() - 1
            layers[number] = dataclasses.replace(
                layers[number], activation=Activation(7 + number, index_width, 1.0, table_q, 13, 1.0)
            )
    return dataclasses.replace(network, layers=tuple(layers))


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    plain = lst1(1, 3, rng.integers(-4096, 4096, 1024), pixel_bits=4)
    layers = tuple(
        dataclasses.replace(layer, weights_q=rng.integers(-20, 20, layer.weights_q.shape))
        for layer in plain.layers
    )
    return dataclasses.replace(plain, layers=layers)


def test_the_magic_and_the_fields_come_first(network):
    assert parameter_words(network)[0] == 0x3354534C
    fields, _ = taken_apart(network)
    expected = {"last_row": 27, "last_column": 27, "pixel_shift": 4, "image_beats": 98}
    classes = {"last_class": 9, "last_logit": 9, "class_words": 783}
    assert fields.items() >= {**expected, **classes}.items()


def test_images_are_padded_to_whole_beats():
    fields, _ = taken_apart(chain_network(1, (9, 9), [(5, 7)], 3))
    assert (fields["last_row"], fields["last_column"], fields["image_beats"]) == (8, 8, 11)


def test_weights_are_sign_extended_and_fan_in_is_fast():
    network = chain_network(1, features=((28, 20), (12, 28)))
    _, found = taken_apart(network)
    for axis, numbers in (("rows", (0, 2)), ("columns", (1, 3))):
        layers = [network.layers[number] for number in numbers]
        weights = np.concatenate([layer.weights_q.ravel() for layer in layers])
        np.testing.assert_array_equal(found[f"{axis}_weights"][0], weights)
        np.testing.assert_array_equal(found[f"{axis}_bias"][0], np.concatenate([la.bias_q for la in layers]))


def test_the_classifier_takes_the_columns_one_after_the_other(network):
    _, found = taken_apart(network)
    for c, p, o in ((0, 0, 1), (3, 5, 7), (9, 27, 26)):
        assert found["classifier_weights"][c, o * 28 + p] == network.layers[2].weights_q[c, p * 28 + o]
    np.testing.assert_array_equal(found["classifier_bias"][0, :10], network.layers[2].bias_q)


def test_classes_beyond_ten_have_a_round_of_their_own():
    network = chain_network(1, (12, 12), [(8, 6)], 13)
    fields, found = taken_apart(network)
    assert (fields["last_class"], fields["last_logit"], fields["class_words"]) == (12, 19, 95)
    weights = found["classifier_weights"].reshape(10, 2, 8, 6)
    np.testing.assert_array_equal(weights[2, 1, 7], network.layers[2].weights_q[12].reshape(6, 8)[:, 7])
    assert not weights[3:, 1].any()
    passes = descriptors(network, "columns")
    assert [item["hands_over"] for item in passes] == [item["ends"] for item in passes] == [0, 1]
    assert all(item["opens"] and item["closes"] and item["classifies"] for item in passes)


def test_outputs_beyond_28_have_a_pass_of_their_own():
    rows = descriptors(chain_network(1, (32, 32), [(31, 32)], 5), "rows")
    found = [
        [item[name] for name in ("first_output", "last_output", "weights", "bias", "block")] for item in rows
    ]
    assert found == [[0, 15, 0, 0, 0], [16, 14, 512, 16, 0]]
    assert [(item["releases"], item["hands_over"], item["ends"]) for item in rows] == [(0, 0, 0), (1, 1, 1)]


def test_a_sum_is_kept_and_added():
    network = chain_network(1, features=((28, 28),) * 3, adds={5: 1})
    assert [(item["stores"], item["adds"]) for item in descriptors(network, "columns")] == [
        (1, 0),
        (0, 0),
        (0, 1),
    ]


def test_a_narrow_table_saturates_in_the_wide_one(network):
    _, found = taken_apart(with_tables(network, np.array([-9, -1, 1, 9])))
    np.testing.assert_array_equal(found["rows_table"][0], [-9] * 511 + [-1, 1] + [9] * 511)


def test_narrow_tables_for_each_channel_saturate_in_the_wide_ones(network):
    narrow = np.stack([np.array([-9, -1, 1, 9]) * (1 + channel) for channel in range(28)])
    with_channels = with_tables(network, columns=narrow)
    words = taken_apart(with_channels)[1]["columns_table"].reshape(28, 256)
    np.testing.assert_array_equal(words, [[-9 * c] * 127 + [-c, c] + [9 * c] * 127 for c in range(1, 29)])
    flags = [descriptors(with_channels, axis)[0]["per_channel"] for axis in ("rows", "columns")]
    assert flags == [0, 1]


def test_the_crc_is_that_of_the_bytes_in_memory(network):
    image = parameter_words(network)
    assert parameter_crc(image) == zlib.crc32(struct.pack(f"<{len(image)}I", *image.tolist()))


@pytest.mark.parametrize(
    "network, message",
    [
        (lambda: random_network(1), "images must have 8..32 rows and columns, not 3x4"),
        (lambda: chain_network(1, (8, 33)), "images must have 8..32 rows and columns, not 8x33"),
        (
            lambda: chain_network(1, features=((28, 33),)),
            r"layer 1 \(columns\): features must be 2..32, not 33",
        ),
        (lambda: chain_network(1, classes=33), "classes must be 2..32, not 33"),
        (
            lambda: chain_network(1, classes=21),
            "21 classes of 784 inputs need 2352 words of each of the 10 lanes of the classifier, which hold "
            "2048",
        ),
        (
            lambda: chain_network(1, features=((28, 28),) * 4),
            f"its layers along rows need 3136 weights, the engine holds {WEIGHT_WORDS}",
        ),
        (
            lambda: chain_network(1, (16, 16), ((16, 16),) * 7, tabled=1.0),
            f"its layers along rows need 112 blocks of 256 table entries, the engine holds {TABLE_BLOCKS}",
        ),
        (
            lambda: chain_network(1, features=((28, 28),) * 3, adds={2: 0}),
            r"layer 2 \(rows\): only a layer along columns can add, not one along rows",
        ),
        (
            lambda: chain_network(1, features=((28, 28),) * 2, adds={3: 0}),
            "layer 3 .columns.: adds layer 0, which is not along columns",
        ),
        (
            lambda: chain_network(1, (16, 16), ((16, 16),) * 3, adds={3: 1, 5: 1}),
            None,
        ),
        (
            lambda: chain_network(1, (16, 16), ((16, 16),) * 4, adds={5: 3, 7: 1}),
            r"layer 7 \(columns\) adds layer 1; of the layers that are added later, only the last \(3\)",
        ),
        (
            lambda: lst1(5000, 0, 1, weights_width=14),
            r"layer 0 \(rows\): codes must fit 13 bits, found 5000..5000",
        ),
        (
            lambda: dataclasses.replace(
                chain_network(1, (16, 16), ((16, 16),)), image_shape=(32, 8), rows_per_vector=2
            ),
            "the engine takes one row of an image as a vector, not 2: the engine row_parallel takes it",
        ),
        (
            lambda: dataclasses.replace(lst1(1, 0, 1), layers=lst1(1, 0, 1).layers[2:]),
            "must be rows and columns in turn and one dense layer, not dense",
        ),
    ],
)
def test_what_the_engine_cannot_hold_is_refused_with_rule_and_value(network, message):
    if message is None:
        parameter_words(network())
        return
    with pytest.raises(NetworkError, match=message):
        parameter_words(network())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_network_of_ours_with_a_row_per_vector_fits_the_engine(path):
    network = load_network(path)
    if network.rows_per_vector == 1:
        assert parameter_words(network).nbytes <= PARAMETER_BYTES
