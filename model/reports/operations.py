"""The cost of one image on an INT8 network: multiplications, table look-ups, bytes of parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lst_overlay.network.resmlp import Add, Affine, Axis, Classifier, Matrix, ResMLPNetwork, Table


@dataclass(frozen=True)
class Operations:
    """Counts for one image.

    products: multiplications in matrices. affines: multiplications by a number of the channel. look_ups:
    look-ups in tables, each with one interpolation. weight_bytes: weights, biases and shifts, a byte each,
    but four for each bias of the classifier. table_bytes: entries of the tables.
    """

    products: int
    affines: int
    look_ups: int
    weight_bytes: int
    table_bytes: int


def operations(network: ResMLPNetwork) -> Operations:
    """Count what one image costs."""
    products = affines = look_ups = weight_bytes = table_bytes = 0
    shapes = [network.input_shape, *network.output_shapes]
    for layer, given in zip(network.layers, shapes):
        size = int(np.prod(given))
        if isinstance(layer, Matrix):
            applied_to = given[0] if layer.axis == Axis.CHANNELS else given[1]
            products += applied_to * layer.weights_q.size
            weight_bytes += layer.weights_q.size + layer.shift.size + layer.bias_q.size
        elif isinstance(layer, Classifier):
            products += layer.weights_q.size
            weight_bytes += layer.weights_q.size + 4 * layer.bias_q.size
        elif isinstance(layer, Affine):
            affines += size
            weight_bytes += 3 * layer.weights_q.size
        elif isinstance(layer, Add):
            affines += size
            weight_bytes += 2 * layer.weights_q.size
        elif isinstance(layer, Table):
            look_ups += size
            table_bytes += layer.table_q.size
    return Operations(products, affines, look_ups, weight_bytes, table_bytes)
