"""Networks for tests: random ones of any small shape, and LST-1 with the most extreme codes."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

import lst_overlay
from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, code_range

SHIPPED = sorted((Path(lst_overlay.__file__).parent / "samples" / "networks").glob("*lst*.npz"))


def random_network(
    seed,
    rows=3,
    columns=4,
    out=5,
    classes=3,
    weights_width=6,
    width=4,
    index_width=5,
    shift=4,
    pixel_bits=8,
    rows_per_vector=1,
):
    """Layers along rows and along columns, then a dense one, with codes uniform in their ranges.

    rows: the number of vectors. columns: of the image.
    """
    rng = np.random.default_rng(seed)
    high = code_range(weights_width)[1]

    def layer(axis, fan_in, fan_out, activated):
        activation = None
        if activated:
            low, top = code_range(width)
            table = rng.integers(low, top + 1, 1 << index_width)
            activation = Activation(shift, index_width, 0.25, table, width, 0.125, "random")
        return Layer(
            axis,
            rng.integers(-high, high + 1, (fan_out, fan_in)),
            rng.integers(-500, 501, fan_out),
            weights_width,
            0.5,
            activation,
        )

    return LSTNetwork(
        "random",
        "test",
        pixel_bits,
        (rows * rows_per_vector, columns),
        (
            layer(Axis.ROWS, columns * rows_per_vector, out, True),
            layer(Axis.COLUMNS, rows, out, True),
            layer(Axis.DENSE, out * out, classes, False),
        ),
        {"seed": seed},
        rows_per_vector,
    )


# Layers by axis, and which of them add which earlier one's output.
KINDS = {
    "LST-1": ("rows columns dense", {}),
    "LST-2": ("rows columns rows columns dense", {}),
    "ResLST-3": ("rows columns rows columns rows columns dense", {5: 1}),
    "classifier": ("dense", {}),
    "MLP": ("dense dense dense dense", {2: 1}),
    "sums of sums": ("rows columns rows columns dense", {2: 1, 3: 2}),
}


def random_network_of(
    kind,
    seed,
    per_channel=False,
    size=3,
    classes=3,
    weights_width=6,
    width=4,
    index_width=5,
    shift=4,
    pixel_bits=8,
    rows_per_vector=1,
):
    """A network of a kind in KINDS with size x size features, and with size rows or vectors of rows.

    Every layer has widths of its own, up to those given.

    per_channel: about half of the layers have a table for each channel.
    """
    rng = np.random.default_rng(seed)
    axes, adds = KINDS[kind]
    axes, layers, fan_in = [Axis(axis) for axis in axes.split()], [], size * size * rows_per_vector
    for number, axis in enumerate(axes):
        last = number == len(axes) - 1
        if axis is not Axis.DENSE:
            fan_in = size if number else size * rows_per_vector
        fan_out = classes if last else size
        bits, code_bits = int(rng.integers(2, weights_width + 1)), int(rng.integers(1, width + 1))
        high, activation = code_range(bits)[1], None
        if not last:
            low, top = code_range(code_bits)
            tabled = per_channel and bool(rng.integers(2))
            index = min(index_width, 8) if tabled else index_width
            table = rng.integers(low, top + 1, (fan_out, 1 << index) if tabled else 1 << index)
            activation = Activation(shift, index, 0.25, table, code_bits, 0.125, "random")
        layers.append(
            Layer(
                axis,
                rng.integers(-high, high + 1, (fan_out, fan_in)),
                rng.integers(-500, 501, fan_out),
                bits,
                0.5,
                activation,
                adds.get(number),
            )
        )
        fan_in = size if axis is Axis.DENSE else size * size
    shape = (size * rows_per_vector, size)
    return LSTNetwork("random", kind, pixel_bits, shape, tuple(layers), {"seed": seed}, rows_per_vector)


def lst1(weights_q, bias_q, table_q, weights_width=13, width=13, shift=7, pixel_bits=8):
    """LST-1 of 28x28 whose every weight, bias and table entry follows the given scalars or arrays."""

    def layer(axis, fan_in, fan_out, activated):
        activation = None
        if activated:
            activation = Activation(
                shift, 10, 2.0**-7, np.broadcast_to(table_q, 1024).astype(np.int64), width, 2.0**-7
            )
        return Layer(
            axis,
            np.broadcast_to(weights_q, (fan_out, fan_in)).astype(np.int64),
            np.full(fan_out, bias_q, dtype=np.int64),
            weights_width,
            2.0**-7,
            activation,
        )

    return LSTNetwork(
        "corner",
        "LST-1",
        pixel_bits,
        (28, 28),
        (
            layer(Axis.ROWS, 28, 28, True),
            layer(Axis.COLUMNS, 28, 28, True),
            layer(Axis.DENSE, 784, 10, False),
        ),
    )


def chain(layers, code):
    """Layers of one output each: the first gives the code, each further one adds it to the sum before.

    The logit is the last sum.
    """

    def layer(activation=None, add=None):
        weight = 0 if activation else 1
        return Layer(
            Axis.DENSE, np.array([[weight]]), np.zeros(1, np.int64), 2, 1.0, activation=activation, add=add
        )

    table = Activation(0, 1, 1.0, np.full(2, code), 16, 1.0)
    sums = [layer(table, number - 1 if number else None) for number in range(layers)]
    return LSTNetwork("chain", "test", 8, (1, 1), (*sums, layer()))


def corner_networks():
    """LST-1 with extreme weights and table entries, and with accumulators at both ends of the index."""
    alternating = np.where(np.arange(1024) % 2, -512, 511)
    ramp = np.arange(-512, 512)
    # 784 * 4095 * 256 stays below 2**30, which a 31-bit accumulator may reach.
    for weight in (-4095, 4095):
        for table in (-256, 255, alternating // 2, ramp // 2):
            yield lst1(weight, 0, table)
    yield lst1(-255, -(1 << 20), -4096)  # 13-bit activations at their most negative
    yield lst1(-127, 1 << 20, 4095)
    yield lst1(1, 64, ramp, shift=0)  # nothing is shifted out, the index saturates
    yield lst1(1, -1, ramp, shift=13)  # nearly all is shifted out: -1 >> 13 is -1
    yield lst1(0, 0, ramp)  # no input matters: the table's middle
    yield lst1(-1, 0, ramp // 256, weights_width=2, width=2, shift=3, pixel_bits=1)


small_networks = st.builds(
    random_network,
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    out=st.integers(1, 4),
    classes=st.integers(1, 4),
    weights_width=st.integers(2, 13),
    width=st.integers(1, 13),
    index_width=st.integers(1, 10),
    shift=st.integers(0, 12),
    pixel_bits=st.integers(1, 8),
    rows_per_vector=st.integers(1, 3),
)

networks_of_any_kind = st.builds(
    random_network_of,
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 2**32 - 1),
    per_channel=st.booleans(),
    size=st.integers(1, 4),
    classes=st.integers(1, 4),
    weights_width=st.integers(2, 11),
    width=st.integers(1, 11),
    index_width=st.integers(1, 10),
    shift=st.integers(0, 12),
    pixel_bits=st.integers(1, 8),
    rows_per_vector=st.integers(1, 3),
)
