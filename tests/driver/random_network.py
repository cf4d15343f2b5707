"""Random networks and random images for the driver's tests."""

import dataclasses

import numpy as np

from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, Network


def random_lst1(seed: int) -> Network:
    """Make an LST-1 network of random codes with at most the 13 bits of the published one."""
    random = np.random.default_rng(seed)

    def activation() -> Activation:
        table = np.sort(random.integers(-128, 128, 1024)).astype(np.int64)
        return Activation(shift=6, index_width=10, index_step=2.0**-6, table_q=table, width=8, step=2.0**-7)

    def layer(axis: Axis, fan_out: int, fan_in: int, table) -> Layer:
        return Layer(
            axis,
            random.integers(-127, 128, (fan_out, fan_in)),
            random.integers(-2000, 2001, fan_out),
            8,
            2.0**-7,
            table,
        )

    return LSTNetwork(
        f"random-{seed}",
        "lst1",
        8,
        (28, 28),
        (
            layer(Axis.ROWS, 28, 28, activation()),
            layer(Axis.COLUMNS, 28, 28, activation()),
            layer(Axis.DENSE, 10, 784, None),
        ),
        {"seed": seed},
    )


def with_channel_tables(network: Network, *numbers: int, seed: int = 0, index_width: int = 8) -> Network:
    """Give the layers with these numbers a random table per channel, with the range of their former table."""
    random, layers = np.random.default_rng(seed), list(network.layers)
    for number in numbers:
        old = layers[number].activation
        tables = random.integers(
            old.table_q.min(), old.table_q.max() + 1, (layers[number].fan_out, 1 << index_width)
        )
        # The new index saturates no earlier than the old one.
        shift = min(max(old.shift + old.index_width - index_width, 0), 31)
        layers[number] = dataclasses.replace(
            layers[number],
            activation=dataclasses.replace(old, shift=shift, index_width=index_width, table_q=tables),
        )
    return dataclasses.replace(
        network, name=f"{network.name}-channels-{'-'.join(map(str, numbers))}", layers=tuple(layers)
    )


def with_classes(network: Network, weights_q: np.ndarray, bias_q: np.ndarray) -> Network:
    """Give the network another classifier, of as many classes as there are biases."""
    classifier = dataclasses.replace(network.layers[-1], weights_q=weights_q, bias_q=bias_q)
    return dataclasses.replace(
        network, name=f"{network.name}-{len(bias_q)}", layers=(*network.layers[:-1], classifier)
    )


def corner_lst1(per_channel: bool = True) -> Network:
    """Make a network with tables of the most extreme codes, one per channel if ``per_channel``.

    Accumulators lie at both ends of the index or far beyond them. The biases are the ends of an index of 8
    bits; a black image shows the biases alone.
    """
    random = np.random.default_rng(0)
    ends = np.array(
        [
            -(2**30),
            -513,
            -512,
            -129,
            -128,
            -127,
            -1,
            0,
            1,
            126,
            127,
            128,
            511,
            512,
            2**30 - 1 - 28 * 4095 * 4096,
        ]
    )

    def activation() -> Activation:
        index_width = 8 if per_channel else 10
        tables = random.choice([-4096, 4095], (28, 1 << index_width))
        tables[:, 0], tables[:, -1] = np.arange(-4096, -4068), np.arange(4095, 4067, -1)
        return Activation(0, index_width, 1.0, tables if per_channel else tables[0], 13, 1.0)

    def layer(axis: Axis) -> Layer:
        # The weights of every second channel are 0.
        weights = random.choice([-4095, 4095], (28, 28)) * (np.arange(28) % 2)[:, None]
        bias = np.where(np.arange(28) % 2, random.integers(-300, 300, 28), np.resize(ends, 28).repeat(2)[:28])
        return Layer(axis, weights, bias, 13, 1.0, activation())

    return LSTNetwork(
        f"corner-{'channels' * per_channel}",
        "lst1",
        8,
        (28, 28),
        (
            layer(Axis.ROWS),
            layer(Axis.COLUMNS),
            Layer(Axis.DENSE, random.integers(-255, 256, (10, 784)), random.integers(-300, 300, 10), 13, 1.0),
        ),
    )


def random_images(count: int, seed: int = 0) -> np.ndarray:
    """Return random images, (count, 28, 28) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
