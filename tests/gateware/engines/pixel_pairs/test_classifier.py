"""The classifier of the pixel-pairs engine in Migen's simulator: logits of any number of classes."""

import numpy as np
import pytest
from migen import run_simulation

from gateware.engines.pixel_pairs.classifier import Classifier, multipliers
from lst_overlay.network import Axis, Layer, code_range

SIZE, CODES = 6, (-8, 7)


def dense(classes, width, extreme=False):
    rng, high = np.random.default_rng(classes), code_range(width)[1]
    shape = (classes, SIZE * SIZE)
    weights = rng.choice([-high, high], shape) if extreme else rng.integers(-high, high + 1, shape)
    return Layer(Axis.DENSE, weights, rng.integers(-99, 100, classes), width, 1.0)


def run(layer, matrices):
    """Send matrices, (N, SIZE, SIZE), without a pause; return their logits, (N, classes)."""
    dut, out = Classifier(layer, CODES, SIZE), []
    # Codes k and SIZE / 2 + k of a column, column after column.
    pairs = matrices.reshape(-1, 2, SIZE // 2, SIZE).transpose(0, 3, 2, 1).reshape(-1, 2).tolist()

    def process():
        for clock in range(len(pairs) + 60):
            x0, x1 = pairs[clock] if clock < len(pairs) else (-1, -1)
            yield dut.sink.valid.eq(clock < len(pairs))
            yield dut.sink.x0.eq(x0)
            yield dut.sink.x1.eq(x1)
            yield
            if (yield dut.source.valid):
                out.append((yield dut.source.acc))

    run_simulation(dut, process())
    return np.reshape(out, (len(matrices), -1))


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("classes, width, per_lane", [(2, 6, 2), (3, 6, 2), (4, 6, 2), (7, 6, 4), (4, 13, 4)])
def test_logits_are_those_of_the_matrix(classes, width, per_lane, extreme):
    """Two classes share a multiplier unless a sum and a weight are too wide for it."""
    layer = dense(classes, width, extreme)
    assert multipliers(layer, CODES) == per_lane
    matrices = np.random.default_rng(1).integers(CODES[0], CODES[1] + 1, (4, SIZE, SIZE))
    matrices[0] = np.where(layer.weights_q[-1] > 0, *CODES).reshape(SIZE, SIZE)  # the least sum
    expected = matrices.reshape(4, -1) @ layer.weights_q.T + layer.bias_q
    np.testing.assert_array_equal(run(layer, matrices), expected)
