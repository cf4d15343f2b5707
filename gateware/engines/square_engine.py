"""An engine with a built-in network of any shape, whose pipeline takes square images and layers only.

A network of another shape is filled up with zeros. An image is filled up on its way into the image buffer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

import numpy as np

from gateware.cores.image_buffer import ImageBuffer
from gateware.cores.pixel_words import PixelWords
from gateware.engines.admission import BufferedAdmission
from gateware.engines.core import CoreEngine, EngineCore, FixedParameters
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.network import Layer, LSTNetwork, NetworkError
from lst_overlay.network.lst.passes import chain
from lst_overlay.registers import BEAT_BYTES


class SquareEngine(CoreEngine):
    """A pipeline and what is around it; an engine states three attributes.

    make_pipeline: makes it from a network of square images, with as many features in every layer.
    lanes:         pixels that it takes per clock.
    credits:       the largest number of images in it or in the result FIFO.
    """

    make_pipeline: Callable
    lanes: int
    credits: int

    def __init__(self, network: LSTNetwork, capabilities: Capabilities):
        size, bits, lanes = side(network), network.pixel_bits, self.lanes
        pipeline, words_per_image = self.make_pipeline(padded(network, size)), size * size // lanes
        padding = None if network.image_shape == (size, size) else (network.image_shape, size)
        depth = 1 << (2 * words_per_image + 10).bit_length()  # two images, and a margin
        words, buffer = (
            PixelWords(lanes, bits, padding),
            ImageBuffer(lanes * bits, words_per_image, depth),
        )
        admission = BufferedAdmission(
            [words], [buffer], self.credits, pipeline.interval, pipeline.phase, pipeline.open
        )
        result_words = 1 << (self.credits * (network.classes + 1) + 2).bit_length()
        super().__init__(
            capabilities, EngineCore(admission, pipeline, result_words), FixedParameters(network)
        )


def check_shape(network: LSTNetwork, lanes: int) -> None:
    """Raise NetworkError, with the rule and the value, for a network that no engine of ``lanes`` can hold."""
    chain(network)
    rows, columns = network.image_shape
    if columns % lanes:
        raise NetworkError(
            f"network {network.name!r}: the columns of an image must be a multiple of {lanes}, since so many "
            f"pixels enter per clock, not {columns}"
        )
    if rows * columns % BEAT_BYTES:
        raise NetworkError(
            f"network {network.name!r}: the pixels of an image must be a multiple of {BEAT_BYTES}, the bytes "
            f"of a beat, not {rows} x {columns}"
        )


def side(network: LSTNetwork) -> int:
    """Return the rows and columns of every matrix of the filled-up network, an even number."""
    lengths = [*network.image_shape, *(layer.fan_out for layer in network.layers[:-1])]
    return -(-max(lengths) // 2) * 2


def padded(network: LSTNetwork, size: int) -> LSTNetwork:
    """Return the network of size x size pixels and features in which everything that is added is unused.

    Its weights are zero, so no pixel or code there matters.
    """
    *layers, dense = network.layers
    rows, columns = layers[-1].fan_out, layers[-2].fan_out
    weights = dense.weights_q.reshape(-1, rows, columns)
    weights = np.pad(weights, ((0, 0), (0, size - rows), (0, size - columns)))
    return replace(
        network,
        image_shape=(size, size),
        layers=(
            *(padded_layer(layer, size, size) for layer in layers),
            replace(dense, weights_q=weights.reshape(network.classes, -1)),
        ),
    )


def padded_layer(layer: Layer, outputs: int, inputs: int) -> Layer:
    """Return the layer with further outputs and inputs, whose weights are zero."""
    more, activation = (0, outputs - layer.fan_out), layer.activation
    if activation.per_channel:
        activation = replace(activation, table_q=np.pad(activation.table_q, (more, (0, 0))))
    return replace(
        layer,
        weights_q=np.pad(layer.weights_q, (more, (0, inputs - layer.fan_in))),
        bias_q=np.pad(layer.bias_q, more),
        activation=activation,
    )
