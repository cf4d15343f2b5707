"""The shape of the pipeline for a network: what is filled up with zeros, and where tables are."""

from __future__ import annotations

from dataclasses import replace
from typing import Set

import numpy as np

from gateware.device import DEVICE
from gateware.engines.row_parallel.classifier import product_width
from gateware.engines.square_engine import padded_layer
from lst_overlay.network import Axis, Layer, LSTNetwork

RAM_SHARE = 0.85  # of the block RAM; with more, routing is unlikely to succeed
OTHER_RAMB18 = 16  # of image buffers and FIFOs, at most
LUT_INDEX_WIDTH = 8  # the widest index of a table in LUTs


def rows_of(network: LSTNetwork) -> int:
    """Return the rows of every matrix in the pipeline, an even number: so many clocks an image takes."""
    lengths = [layer.fan_out for layer in network.layers if layer.axis is Axis.COLUMNS]
    return -(-max(network.input_shape[0], *lengths) // 2) * 2


def columns_at_once(network: LSTNetwork) -> int:
    """Return how many columns of a matrix leave at once, so that all leave in the clocks of its rows."""
    features = [layer.fan_out for layer in network.layers if layer.axis is Axis.ROWS]
    return -(-max(features) // rows_of(network))


def filled(network: LSTNetwork) -> LSTNetwork:
    """Return the network of which every matrix has the same rows, and as many columns or a multiple of them.

    What is added has weights of zero, so no pixel or code there matters. The columns of the image are as they
    were.
    """
    rows, width = rows_of(network), network.input_shape[1]
    columns = columns_at_once(network) * rows
    *hidden, dense = network.layers
    layers = []
    for layer in hidden:
        outputs, inputs = (columns, width) if layer.axis is Axis.ROWS else (rows, rows)
        layers.append(padded_layer(layer, outputs, inputs))
        width = columns
    kept = hidden[-1].fan_out, hidden[-2].fan_out
    weights = dense.weights_q.reshape(-1, *kept)
    weights = np.pad(weights, ((0, 0), (0, rows - kept[0]), (0, columns - kept[1])))
    return replace(
        network,
        image_shape=(rows, network.input_shape[1]),
        rows_per_vector=1,
        layers=(*layers, replace(dense, weights_q=weights.reshape(network.classes, -1))),
    )


def by_lanes(network: LSTNetwork) -> Layer:
    """Return the classifier of a filled network with its weights in the order (lane, clock).

    In each clock, the lanes have several columns, one after another.
    """
    rows, at_once, dense = rows_of(network), columns_at_once(network), network.layers[-1]
    weights = dense.weights_q.reshape(-1, rows, at_once, rows).transpose(0, 2, 1, 3)
    return replace(dense, weights_q=weights.reshape(len(weights), -1))


def classifier_ramb18(network: LSTNetwork) -> int:
    """Return the RAMB18 of the products of a filled network: two rows of a column share a memory."""
    *_, last, dense = network.layers
    words = -(-network.classes * product_width(dense, last.activation.width) // 18)
    return words * (rows_of(network) // 2) * columns_at_once(network)


def table_ramb18(network: LSTNetwork) -> int:
    """Return the RAMB18 of a layer's tables, of a filled network: two channels share one."""
    return columns_at_once(network) * rows_of(network) // 2


def tables_in_luts(network: LSTNetwork) -> Set[int]:
    """Return the layers of a filled network whose tables are in LUTs: the last ones, where RAM has no room.

    Tables of too many entries are in block RAM nevertheless.
    """
    needed = table_ramb18(network)
    room = int(RAM_SHARE * DEVICE["ramb18"]) - OTHER_RAMB18 - classifier_ramb18(network)
    return {
        number
        for number, layer in enumerate(network.layers[:-1])
        if (number + 1) * needed > room and layer.activation.index_width <= LUT_INDEX_WIDTH
    }
