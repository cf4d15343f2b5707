import dataclasses
import struct
import zlib

import numpy as np
import pytest

from lst_overlay.network import (
    IMAGE_BYTES,
    Activation,
    NetworkError,
    image_crc,
    load_network,
    parameter_image,
)
from tests.network.networks import SHIPPED, lst1, random_network

ROWS_TABLE = 4 + 784 + 28
CLASSIFIER = 4 + 2 * (784 + 28 + 1024)


def signed(words):
    return words.astype("<u4").view("<i4").astype(np.int64)


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    plain = lst1(1, 3, rng.integers(-4096, 4096, 1024), pixel_bits=4)
    layers = tuple(dataclasses.replace(layer, weights_q=rng.integers(-20, 20, layer.weights_q.shape)) for layer in plain.layers)
    return dataclasses.replace(plain, layers=layers)


def test_the_image_has_the_documented_size(network):
    assert parameter_image(network).nbytes == IMAGE_BYTES == 46104


def test_the_fields_come_first(network):
    assert parameter_image(network)[:4].tolist() == [0x3154534C, 7, 7, 4]


def test_weights_are_sign_extended_and_fan_in_is_fast(network):
    words = signed(parameter_image(network))
    np.testing.assert_array_equal(words[4:788].reshape(28, 28), network.layers[0].weights_q)
    np.testing.assert_array_equal(words[788:816], network.layers[0].bias_q)


def test_the_classifier_takes_the_columns_one_after_the_other(network):
    words = signed(parameter_image(network))[CLASSIFIER:]
    for c, p, o in ((0, 0, 1), (3, 5, 7), (9, 27, 26)):
        assert words[c * 784 + o * 28 + p] == network.layers[2].weights_q[c, p * 28 + o]
    np.testing.assert_array_equal(words[-10:], network.layers[2].bias_q)


def test_a_narrow_table_saturates_in_the_wide_one(network):
    rows = network.layers[0]
    narrow = Activation(7, 2, 1.0, np.array([-9, -1, 1, 9]), 13, 1.0)
    changed = dataclasses.replace(network, layers=(dataclasses.replace(rows, activation=narrow), *network.layers[1:]))
    table = signed(parameter_image(changed))[ROWS_TABLE:ROWS_TABLE + 1024]
    np.testing.assert_array_equal(table, [-9] * 511 + [-1, 1] + [9] * 511)


def test_the_crc_is_that_of_the_bytes_in_memory(network):
    image = parameter_image(network)
    assert image_crc(image) == zlib.crc32(struct.pack(f"<{len(image)}I", *image.tolist()))


def test_another_shape_is_refused_by_name():
    with pytest.raises(NetworkError, match="'random' .* is not an LST-1"):
        parameter_image(random_network(1))


def test_codes_wider_than_the_containers_are_refused():
    with pytest.raises(NetworkError, match="rows codes must fit 13 bits, found 5000..5000"):
        parameter_image(lst1(5000, 0, 1, weights_width=14))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_network_fits_the_engine(path):
    assert parameter_image(load_network(path)).nbytes == IMAGE_BYTES
