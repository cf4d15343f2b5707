"""Images per second of the integer reference, compared with plain int64 NumPy in the same run.

python benchmarks/reference.py [NETWORK.npz] [--images N]
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np

from lst_overlay.network import Axis, load_network, logits
from lst_overlay.samples.shipped_networks import DEFAULT, find

SHIPPED = find(DEFAULT)
REPEATS = 5


def plain_int64(network, images):
    """Compute the logits as docs/number_formats.md defines them, with `@` on int64: the baseline."""
    out = []
    for start in range(0, len(images), 256):
        x = (images[start : start + 256] >> (8 - network.pixel_bits)).astype(np.int64)
        for layer in network.layers:
            if layer.axis is Axis.COLUMNS:
                acc = layer.weights_q @ x + layer.bias_q[:, None]
            else:
                acc = (
                    x.reshape(len(x), -1) if layer.axis is Axis.DENSE else x
                ) @ layer.weights_q.T + layer.bias_q
            if layer.activation is None:
                out.append(acc)
                break
            half = 1 << (layer.activation.index_width - 1)
            index = np.clip(acc >> layer.activation.shift, -half, half - 1) + half
            tables = np.atleast_2d(layer.activation.table_q)
            channels = (
                np.arange(len(tables)) if layer.axis is not Axis.COLUMNS else np.arange(len(tables))[:, None]
            )
            x = tables[channels, index]
    return np.concatenate(out)


def best_rate(function, network, images):
    """Return the images per second of the fastest of REPEATS runs."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(network, images)
        seconds.append(time.perf_counter() - start)
    return len(images) / min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="?", type=Path, default=SHIPPED)
    parser.add_argument("--images", type=int, default=10000)
    arguments = parser.parse_args()
    network = load_network(arguments.network)
    images = np.random.default_rng(0).integers(
        0, 256, (arguments.images, *network.image_shape), dtype=np.uint8
    )
    few = images[: max(1, arguments.images // 10)]  # the baseline is slow
    np.testing.assert_array_equal(logits(network, few), plain_int64(network, few))
    reference, baseline = best_rate(logits, network, images), best_rate(plain_int64, network, few)
    print(
        f"network {network.name}, {arguments.images} random images, best of {REPEATS}, "
        f"NumPy {np.__version__},"
    )
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, OMP_NUM_THREADS={threads}")
    print(f"integer reference     {reference:10,.0f} images/s")
    print(f"int64 @ baseline      {baseline:10,.0f} images/s")
    print(f"ratio                 {reference / baseline:10.1f}")


if __name__ == "__main__":
    main()
