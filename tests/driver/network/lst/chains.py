"""Random networks that the engine pixel_serial can hold: any shape, features, depth, sums, classes."""

import numpy as np
from hypothesis import strategies as st

from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, code_range


def chain_network(
    seed,
    side=(28, 28),
    features=((28, 28),),
    classes=10,
    adds=None,
    tabled=0.5,
    weights_width=8,
    width=8,
    shift=6,
    pixel_bits=8,
):
    """A chain of layers along rows and along columns, then the classifier; codes are random.

    features:    (outputs of rows, outputs of columns) of each pair of layers.
    adds:        {layer: the earlier layer whose output it adds}.
    tabled:      the probability that a layer has a table for each channel.
    """
    rng, adds = np.random.default_rng(seed), adds or {}
    shape, layers = side, []

    def layer(axis, fan_in, fan_out, activation=None, add=None):
        high = code_range(weights_width)[1]
        weights = rng.integers(-high, high + 1, (fan_out, fan_in))
        return Layer(axis, weights, rng.integers(-500, 501, fan_out), weights_width, 0.5, activation, add)

    for pair in features:
        for axis, fan_out in zip((Axis.ROWS, Axis.COLUMNS), pair):
            channels = rng.random() < tabled
            index_width = int(rng.integers(1, 9 if channels else 11))
            low, top = code_range(width)
            table = rng.integers(low, top + 1, (fan_out, 1 << index_width) if channels else 1 << index_width)
            activation = Activation(shift, index_width, 0.25, table, width, 0.125, "random")
            fan_in = shape[1] if axis is Axis.ROWS else shape[0]
            layers.append(layer(axis, fan_in, fan_out, activation, adds.get(len(layers))))
            shape = (shape[0], fan_out) if axis is Axis.ROWS else (fan_out, shape[1])
    layers.append(layer(Axis.DENSE, shape[0] * shape[1], classes))
    return LSTNetwork("chain", "test", pixel_bits, side, tuple(layers), {"seed": seed})


@st.composite
def chains(draw):
    """Networks of 1 to 4 pairs of layers, with images of 8 x 8 to 32 x 32 and up to 32 classes."""
    side = draw(st.integers(8, 32))
    depth = draw(st.integers(1, 4))
    largest = 32 if depth < 3 else 26
    equal = draw(st.booleans())  # as many features in every layer
    if equal:
        size = draw(st.integers(2, largest))
        features = [(size, size)] * depth
    else:
        features = [tuple(draw(st.integers(2, largest)) for _ in range(2)) for _ in range(depth)]
    adds = {}
    if equal and depth >= 2 and draw(st.booleans()):
        first = draw(st.integers(0, depth - 2))
        adds[2 * draw(st.integers(first + 1, depth - 1)) + 1] = 2 * first + 1
    rows, columns = features[-1]
    classes = draw(st.integers(2, min(32, 10 * (2048 // (rows * columns)))))
    return chain_network(
        draw(st.integers(0, 2**32 - 1)),
        (side, side),
        features,
        classes,
        adds,
        tabled=draw(st.sampled_from([0.0, 0.5])) if depth < 4 else 0.0,
        weights_width=draw(st.integers(2, 10)),
        width=draw(st.integers(1, 10)),
        shift=draw(st.integers(0, 14)),
        pixel_bits=draw(st.integers(1, 8)),
    )
