"""Small ResMLP networks with every kind of layer, random but reproducible."""

import numpy as np

from lst_overlay.network import with_golden as completed
from lst_overlay.network.resmlp import Add, Affine, Axis, Classifier, Matrix, Mean, ResMLPNetwork, Table
from lst_overlay.network.resmlp.layers import MAX_SHIFT

IMAGE_SHAPE, PATCH = (4, 8, 3), 2  # 8 tokens of 12 values
STEP = np.array([0.01])


def random_images(count, seed=0, shape=IMAGE_SHAPE):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def random_network(seed=0, *, channels=6, hidden=10, extreme=False, name="small", with_golden=False):
    """extreme: every number at one end of its range or the other."""
    rng = np.random.default_rng(seed)

    def codes(shape, low, high):
        return rng.choice([low, high], shape) if extreme else rng.integers(low, high + 1, shape)

    def requantised(shape):
        fan_in = shape[1] if len(shape) == 2 else 1
        middle = int(np.log2(127 * max(fan_in, 2) ** 0.5))
        shift = (
            rng.choice([1, MAX_SHIFT], shape[0])
            if extreme
            else rng.integers(middle - 1, middle + 3, shape[0])
        )
        return {
            "weights_q": codes(shape, -127, 127),
            "shift": shift,
            "bias_q": codes(shape[0], -128, 127),
            "step": STEP,
        }

    layers = (
        Matrix(Axis.CHANNELS, **requantised((channels, 12))),
        Affine(**requantised((channels,))),
        Matrix(Axis.TOKENS, **requantised((8, 8))),
        Add(0, codes(channels, -127, 127), rng.integers(1, 10, channels), STEP),
        Table(codes((channels, 64), -128, 127), rng.random(channels)),
        Matrix(Axis.CHANNELS, **requantised((hidden, channels)), relu=True),
        Table(codes((hidden, 64), -128, 127), STEP, "b_spline"),
        Matrix(Axis.CHANNELS, **requantised((channels, hidden))),
        Add(3, codes(channels, -127, 127), rng.integers(5, 9, channels), STEP),
        Mean(2, STEP / 2),
        Classifier(codes((5, channels), -127, 127), codes(5, -9000, 9000), STEP),
    )
    network = ResMLPNetwork(name, "ResMLP", IMAGE_SHAPE, PATCH, layers, {"seed": seed})
    return completed(network, random_images(1, seed + 1)[0]) if with_golden else network
