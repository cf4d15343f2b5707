import dataclasses
import struct
import zlib

import numpy as np
import pytest

from lst_overlay.network import (
    PARAMETER_BYTES,
    Activation,
    NetworkError,
    load_network,
    parameter_crc,
    parameter_words,
)
from tests.driver.network.lst.networks import SHIPPED, lst1, random_network

FIELDS = 6
ROWS_TABLE = FIELDS + 784 + 28
TABLE = 28 * 256
COLUMNS_TABLE = ROWS_TABLE + TABLE + 784 + 28
CLASSIFIER = COLUMNS_TABLE + TABLE


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


def test_the_image_has_the_documented_size(network):
    assert parameter_words(network).nbytes == PARAMETER_BYTES == 95264


def test_the_fields_come_first(network):
    assert parameter_words(network)[:6].tolist() == [0x3254534C, 7, 7, 4, 0, 0]


@pytest.mark.parametrize(
    "stages, flags", [(["rows"], [1, 0]), (["columns"], [0, 1]), (["rows", "columns"], [1, 1])]
)
def test_the_fields_say_which_stage_has_a_table_for_each_channel(network, stages, flags):
    assert (
        parameter_words(with_tables(network, **{stage: np.zeros((28, 4), np.int64) for stage in stages}))[
            4:6
        ].tolist()
        == flags
    )


def test_weights_are_sign_extended_and_fan_in_is_fast(network):
    words = signed(parameter_words(network))
    np.testing.assert_array_equal(words[FIELDS : FIELDS + 784].reshape(28, 28), network.layers[0].weights_q)
    np.testing.assert_array_equal(words[FIELDS + 784 : ROWS_TABLE], network.layers[0].bias_q)


def test_the_classifier_takes_the_columns_one_after_the_other(network):
    words = signed(parameter_words(network))[CLASSIFIER:]
    for c, p, o in ((0, 0, 1), (3, 5, 7), (9, 27, 26)):
        assert words[c * 784 + o * 28 + p] == network.layers[2].weights_q[c, p * 28 + o]
    np.testing.assert_array_equal(words[-10:], network.layers[2].bias_q)


def test_a_narrow_table_saturates_in_the_wide_one(network):
    words = signed(parameter_words(with_tables(network, np.array([-9, -1, 1, 9]))))[
        ROWS_TABLE : ROWS_TABLE + TABLE
    ]
    np.testing.assert_array_equal(words[:1024], [-9] * 511 + [-1, 1] + [9] * 511)


def test_one_table_for_all_channels_fills_the_first_four_lanes_and_zeros_the_others(network):
    words = signed(parameter_words(network))
    for start, layer in ((ROWS_TABLE, network.layers[0]), (COLUMNS_TABLE, network.layers[1])):
        np.testing.assert_array_equal(words[start : start + 1024], layer.activation.table_q)
        assert not words[start + 1024 : start + TABLE].any()


def test_tables_for_each_channel_follow_each_other(network):
    rows, columns = np.random.default_rng(1).integers(-4096, 4096, (2, 28, 256))
    words = signed(parameter_words(with_tables(network, rows, columns)))
    np.testing.assert_array_equal(words[ROWS_TABLE : ROWS_TABLE + TABLE].reshape(28, 256), rows)
    np.testing.assert_array_equal(words[COLUMNS_TABLE : COLUMNS_TABLE + TABLE].reshape(28, 256), columns)


def test_narrow_tables_for_each_channel_saturate_in_the_wide_ones(network):
    narrow = np.stack([np.array([-9, -1, 1, 9]) * (1 + channel) for channel in range(28)])
    words = signed(parameter_words(with_tables(network, columns=narrow)))[
        COLUMNS_TABLE : COLUMNS_TABLE + TABLE
    ].reshape(28, 256)
    np.testing.assert_array_equal(words, [[-9 * c] * 127 + [-c, c] + [9 * c] * 127 for c in range(1, 29)])


def test_the_crc_is_that_of_the_bytes_in_memory(network):
    image = parameter_words(network)
    assert parameter_crc(image) == zlib.crc32(struct.pack(f"<{len(image)}I", *image.tolist()))


def test_another_shape_is_refused_by_name():
    with pytest.raises(NetworkError, match="'random' .* is not an LST-1"):
        parameter_words(random_network(1))


def test_a_sum_is_refused(network):
    rows, columns, classifier = network.layers
    with pytest.raises(NetworkError, match="'corner' adds an earlier layer's output, the engine cannot"):
        parameter_words(
            dataclasses.replace(network, layers=(rows, dataclasses.replace(columns, add=0), classifier))
        )


def test_codes_wider_than_the_containers_are_refused():
    with pytest.raises(NetworkError, match="rows codes must fit 13 bits, found 5000..5000"):
        parameter_words(lst1(5000, 0, 1, weights_width=14))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_network_fits_the_engine(path):
    assert parameter_words(load_network(path)).nbytes == PARAMETER_BYTES
