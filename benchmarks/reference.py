"""Images per second of the integer reference, compared with plain int64 NumPy in the same run.

python benchmarks/reference.py [NETWORK] [--images N] [--processes N]

With several processes the reference computes in all of them at once; the baseline stays one process.
"""

import argparse
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from lst_overlay.network import Axis, load_network, logits
from lst_overlay.network.resmlp.layers import Add, Affine, Matrix, Mean, Table, code_range
from lst_overlay.network.resmlp.layers import Axis as ResMLPAxis
from lst_overlay.samples.shipped_networks import DEFAULT, find

REPEATS = 5


def plain_int64(network, images):
    """Compute the logits as docs/number_formats.md defines them, with `@` on int64: the baseline."""
    return {"lst": _plain_lst, "resmlp": _plain_resmlp}[network.family](network, images)


def _plain_lst(network, images):
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


def _plain_resmlp(network, images):
    rows, columns, colours = network.image_shape
    size = network.patch
    grid = images.astype(np.int64).reshape(-1, rows // size, size, columns // size, size, colours)
    x = grid.swapaxes(2, 3).reshape(len(images), *network.input_shape) - 128 >> 8 - network.pixel_bits
    outputs = [x]
    for layer, bits in zip(network.layers, network.input_bits):
        low, high = code_range(getattr(layer, "bits", 8))
        if isinstance(layer, Mean):
            x = np.clip(_rounded(x.sum(axis=1), layer.shift), low, high)
        elif isinstance(layer, Table):
            entries = layer.expanded(bits)
            x = entries[np.arange(len(entries)), x + (1 << bits - 1)].astype(np.int64)
        elif isinstance(layer, Affine):
            x = np.clip(_rounded(x * layer.weights_q, layer.shift) + layer.bias_q, low, high)
        elif isinstance(layer, Add):
            source = outputs[layer.source + 1]
            term = np.clip(_rounded(source * layer.weights_q, layer.shift) + layer.bias_q, low, high)
            x = np.clip(x + term, low, high)
        elif isinstance(layer, Matrix):
            along_tokens = layer.axis == ResMLPAxis.TOKENS
            x = x.swapaxes(1, 2) if along_tokens else x
            x = _rounded(x @ layer.weights_q.T.astype(np.int64), layer.shift) + layer.bias_q
            x = np.clip(x, 0 if layer.relu else low, high)
            x = x.swapaxes(1, 2) if along_tokens else x
        else:
            x = _rounded(x @ layer.weights_q.T.astype(np.int64), layer.shift) + layer.bias_q
        outputs.append(x)
    return x


def _rounded(x, shift):
    """x / 2**shift, ties upward."""
    return x + (1 << shift >> 1) >> shift


def rate_of_processes(network, images, processes):
    """Return the images per second of the reference in several processes at once."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(logits, [network] * processes, [images[:1]] * processes))  # they have started
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            list(pool.map(logits, [network] * processes, np.array_split(images, processes)))
            seconds.append(time.perf_counter() - start)
    return len(images) / min(seconds)


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
    parser.add_argument("network", nargs="?", default=DEFAULT, help="a file or the name of a shipped network")
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    network = load_network(find(arguments.network))
    images = np.random.default_rng(0).integers(
        0, 256, (arguments.images, *network.image_shape), dtype=np.uint8
    )
    few = images[: max(1, arguments.images // 10)]  # the baseline is slow
    np.testing.assert_array_equal(logits(network, few), plain_int64(network, few))
    baseline = best_rate(plain_int64, network, few)
    if arguments.processes > 1:
        reference = rate_of_processes(network, images, arguments.processes)
    else:
        reference = best_rate(logits, network, images)
    print(
        f"network {network.name}, {arguments.images} random images, best of {REPEATS}, "
        f"NumPy {np.__version__},"
    )
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, OMP_NUM_THREADS={threads}")
    print(f"processes             {arguments.processes:10}")
    print(f"integer reference     {reference:10,.0f} images/s")
    print(f"int64 @ baseline      {baseline:10,.0f} images/s")
    print(f"ratio                 {reference / baseline:10.1f}")


if __name__ == "__main__":
    main()
