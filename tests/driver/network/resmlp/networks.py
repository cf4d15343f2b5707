"""Small ResMLP networks with every kind of layer, random but reproducible."""

import numpy as np

from lst_overlay.network import with_golden as completed
from lst_overlay.network.resmlp import Add, Affine, Axis, Classifier, Matrix, Mean, ResMLPNetwork, Table
from lst_overlay.network.resmlp.layers import MAX_BITS, MAX_SHIFT, code_range, greatest_weight

IMAGE_SHAPE, PATCH = (4, 8, 3), 2  # 8 tokens of 12 values
STEP = np.array([0.01])


def random_images(count, seed=0, shape=IMAGE_SHAPE):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def random_network(
    seed=0, *, channels=6, hidden=10, extreme=False, narrow=False, name="small", with_golden=False
):
    """extreme: every number at one end of its range or the other. narrow: random widths, and biases and
    shifts where INT8 networks have none."""
    rng = np.random.default_rng(seed)

    def codes(shape, low, high):
        return rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)

    def width():
        return int(rng.integers(2, MAX_BITS + 1)) if narrow else MAX_BITS

    def weights(shape, bits):
        return codes(shape, -greatest_weight(bits), greatest_weight(bits))

    def requantised(shape, weight_bits=MAX_BITS):
        fan_in = shape[1] if len(shape) == 2 else 1
        middle = int(np.log2(127 * max(fan_in, 2) ** 0.5))
        shift = (
            rng.choice([1, MAX_SHIFT], shape[0])
            if extreme
            else rng.integers(middle - 1, middle + 3, shape[0])
        )
        numbers = {"shift": shift, "bias_q": codes(shape[0], -128, 127), "step": STEP, "bits": width()}
        return {"weights_q": weights(shape, weight_bits), **numbers}

    def matrix(axis, shape, relu=False):
        bits = width()
        return Matrix(axis, **requantised(shape, bits), relu=relu, weight_bits=bits)

    def add(source, shifts):
        bias = codes(channels, -128, 127) if narrow else None
        weights_q, shift = weights(channels, MAX_BITS), rng.integers(*shifts, channels)
        return Add(source, weights_q, shift, STEP, bias, width())

    def table(rows, input_bits, step, function="lerp_psa"):
        entries = 1 << int(rng.integers(1, input_bits)) if narrow else 64
        bits = width()
        return Table(codes((rows, entries), *code_range(bits)), step, function, bits)

    layers = [matrix(Axis.CHANNELS, (channels, 12)), Affine(**requantised((channels,)))]
    layers += [matrix(Axis.TOKENS, (8, 8)), add(0, (1, 10))]
    layers.append(table(channels, layers[-1].bits, rng.random(channels)))
    layers.append(matrix(Axis.CHANNELS, (hidden, channels), relu=True))
    layers.append(table(hidden, layers[-1].bits, STEP, "b_spline"))
    layers += [matrix(Axis.CHANNELS, (channels, hidden)), add(3, (5, 9)), Mean(2, STEP / 2, width())]
    bits, shift = width(), rng.integers(0, 4, 5) if narrow else None
    layers.append(Classifier(weights((5, channels), bits), codes(5, -9000, 9000), STEP, shift, bits))
    network = ResMLPNetwork(
        name, "ResMLP", IMAGE_SHAPE, PATCH, tuple(layers), {"seed": seed}, pixel_bits=width()
    )
    return completed(network, random_images(1, seed + 1)[0]) if with_golden else network


def longest_sums(axis, shift):
    """A network that sums 512 products of numbers at the ends of their ranges, and an image for it."""
    rng = np.random.default_rng(0)
    size = 512
    weights, bias = rng.choice([-127, 127, 126], (size, size)), rng.choice([-128, 127], size)
    weights[0], bias[0] = 127, 127
    layers = (
        Matrix(axis, weights, np.full(size, shift), bias, STEP),
        Mean(9, STEP),
        Classifier(weights[:3], np.array([1 << 24, -(1 << 24), 7]), STEP),
    )
    images = rng.choice(np.array([0, 255, 254], np.uint8), (1, size, 1, size))
    images[0, 0] = 255
    return ResMLPNetwork("n", "n", (size, 1, size), 1, layers), images
