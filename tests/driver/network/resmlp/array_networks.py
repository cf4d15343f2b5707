"""Random ResMLP networks in the widths and the shape of the array, with all of its functions."""

import numpy as np

from lst_overlay.network.resmlp import Add, Affine, Axis, Classifier, Matrix, Mean, ResMLPNetwork, Table
from lst_overlay.network.resmlp.layers import MAX_SHIFT, code_range, greatest_weight

IMAGE_SHAPE, PATCH, TOKENS, VALUES = (32, 32, 3), 4, 64, 48
STEP = np.array([0.01])


def random_array_network(
    seed=0,
    *,
    channels=16,
    hidden=16,
    blocks=1,
    relu=False,
    weight_bits=5,
    code_bits=6,
    entries=64,
    classes=10,
    extreme=False,
):
    """A network of ``blocks`` blocks. extreme: every number is at one end of its range or the other."""
    rng = np.random.default_rng(seed)
    greatest = greatest_weight(weight_bits)

    def numbers(shape, low, high):
        return rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)

    def requantised(count, middle):
        shift = rng.choice([1, MAX_SHIFT], count) if extreme else rng.integers(middle - 1, middle + 2, count)
        return {"shift": np.clip(shift, 1, MAX_SHIFT), "bias_q": numbers(count, -128, 127), "step": STEP}

    def matrix(axis, fan_out, fan_in, bits=8, relu=False):
        # The shift with which random sums about fill the codes.
        middle = int(np.log2(fan_in**0.5 * greatest * (1 << code_bits - 1) / 300) + 1)
        weights_q = numbers((fan_out, fan_in), -greatest, greatest)
        return Matrix(
            axis, weights_q, **requantised(fan_out, middle), relu=relu, bits=bits, weight_bits=weight_bits
        )

    def affine(bits):
        return Affine(numbers(channels, -127, 127), **requantised(channels, 6), bits=bits)

    def table(rows):
        return Table(numbers((rows, entries), *code_range(code_bits)), STEP, bits=code_bits)

    def add(source):
        shift = rng.choice([1, MAX_SHIFT], channels) if extreme else rng.integers(6, 8, channels)
        bias_q = numbers(channels, -128, 127) if extreme else rng.integers(-9, 10, channels)
        return Add(source, numbers(channels, -127, 127), shift, STEP, bias_q)

    layers, source = [matrix(Axis.CHANNELS, channels, VALUES)], 0
    for _ in range(blocks):
        layers += [affine(code_bits), matrix(Axis.TOKENS, TOKENS, TOKENS), affine(8), add(source)]
        source = len(layers) - 1
        if relu:
            layers += [affine(code_bits), matrix(Axis.CHANNELS, hidden, channels, code_bits, relu=True)]
        else:
            layers += [table(channels), matrix(Axis.CHANNELS, hidden, channels), table(hidden)]
        layers += [matrix(Axis.CHANNELS, channels, hidden), add(source)]
        source = len(layers) - 1
    layers.append(Mean(int(rng.integers(3, 7)), STEP, code_bits))
    shift = rng.integers(0, MAX_SHIFT + 1, classes) if seed % 2 else None
    weights_q, bias_q = numbers((classes, channels), -greatest, greatest), numbers(classes, -9000, 9000)
    layers.append(Classifier(weights_q, bias_q, STEP, shift, weight_bits))
    return ResMLPNetwork(
        "random", "ResMLP", IMAGE_SHAPE, PATCH, tuple(layers), {"seed": seed}, pixel_bits=code_bits
    )


def random_pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)
