"""The integer reference of LST networks: the specification of their hardware, from uint8 pixels to logits.

All numbers are integers in floating point, because BLAS is fast there, and exact: every accumulator and
every sum is computed in float32 where it stays below 2**24, and in float64, which is exact to 2**53, where
it may exceed that. Accumulators have at most 31 bits (`LSTNetwork` refuses more). Each layer adds a code of
at most 16 bits to the output of an earlier one, so that a sum exceeds 2**53 after no fewer than 2**38
layers.
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

import numpy as np

from ..values import pixels
from .layers import Axis, Layer, LSTNetwork

_CHUNK = 512  # images at a time: the intermediate arrays stay in the processor's cache
_FLOAT32_EXACT = 1 << 24  # float32 holds every integer of smaller magnitude


def pixel_codes(images: np.ndarray, bits: int) -> np.ndarray:
    """uint8 pixels -> their upper bits, uint8 codes 0 .. 2**bits - 1 of the same shape."""
    return np.right_shift(images, 8 - bits)


def logits(network: LSTNetwork, images: np.ndarray) -> np.ndarray:
    """(N, rows, columns) or (N, rows * columns) uint8 -> (N, classes) int64."""
    images = _checked(network, images)
    layers = _prepared(network)
    out = np.empty((len(images), network.classes), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        codes = pixel_codes(images[start : start + _CHUNK], network.pixel_bits)
        *_, out[start : start + _CHUNK] = _outputs(layers, codes)
    return out


def outputs(network: LSTNetwork, images: np.ndarray) -> List[np.ndarray]:
    """Images as for `logits` -> the codes after each layer, sums included, int64, the logits last."""
    codes = pixel_codes(_checked(network, images), network.pixel_bits)
    return [x.astype(np.int64) for x in _outputs(_prepared(network), codes)]


class _PreparedLayer:
    """A layer with its constants converted to floating point once: codes in, codes out.

    Weights and bias carry the factor 2**-shift, exact because it is a power of two. The bias also carries
    the offset of the table's first entry. A product truncated to an integer is thus a position in the
    table; positions outside saturate.
    """

    def __init__(self, layer: Layer, x_range: Tuple[int, int], y_range: Tuple[int, int]):
        activation = layer.activation
        offset = 0 if activation is None else 1 << (activation.shift + activation.index_width - 1)
        scale = 1.0 if activation is None else 2.0**-activation.shift
        bias_q = layer.bias_q + offset
        # No partial sum, in whatever order BLAS adds, exceeds the sum of magnitudes.
        largest = np.abs(layer.weights_q).sum(axis=1) * max(map(abs, x_range)) + np.abs(bias_q)
        self.dtype = _exact_dtype(int(largest.max()))
        self.axis, self.add = layer.axis, layer.add
        self.weights = (layer.weights_q * scale).astype(self.dtype)
        self.bias = (bias_q * scale).astype(self.dtype)
        self.table, self.first_entry = None, None
        if activation is None:
            return
        self.table = activation.table_q.ravel().astype(_exact_dtype(max(map(abs, y_range))))
        if activation.per_channel:  # the tables lie one after another; an index must saturate within its own
            self.last = activation.table_q.shape[1] - 1
            self.first_entry = np.arange(layer.fan_out, dtype=np.intp) * (self.last + 1)
            if layer.axis is Axis.COLUMNS:
                self.first_entry = self.first_entry[:, None]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = x.astype(self.dtype, copy=False)
        if self.axis is Axis.COLUMNS:
            acc = np.matmul(self.weights, x)
            acc += self.bias[:, None]
        else:
            if self.axis is Axis.DENSE:
                x = x.reshape(len(x), -1)
            acc = (x.reshape(-1, x.shape[-1]) @ self.weights.T).reshape(x.shape[:-1] + self.bias.shape)
            acc += self.bias
        if self.table is None:
            return acc
        index = acc.astype(np.intp)
        if self.first_entry is not None:
            index = np.clip(index, 0, self.last) + self.first_entry
        return self.table.take(index, mode="clip")


def _exact_dtype(largest: int) -> type:
    """The fastest floating-point type that holds every integer up to that magnitude."""
    return np.float32 if largest < _FLOAT32_EXACT else np.float64


def _prepared(network: LSTNetwork) -> List[_PreparedLayer]:
    ranges = network.hidden_ranges
    return [
        _PreparedLayer(layer, x_range, y_range)
        for layer, x_range, y_range in zip(network.layers, network.input_ranges, [*ranges, (0, 0)])
    ]


def _outputs(layers: List[_PreparedLayer], x: np.ndarray) -> Iterator[np.ndarray]:
    """The codes after each layer, sums included."""
    outputs: List[np.ndarray] = []
    for layer in layers:
        x = layer(x)
        if layer.add is not None:
            x = x + outputs[layer.add]
        outputs.append(x)
        yield x


def _checked(network: LSTNetwork, images: np.ndarray) -> np.ndarray:
    images = pixels(images)
    rows, columns = network.image_shape
    if images.shape[1:] not in ((rows, columns), (rows * columns,)):
        raise ValueError(
            f"images must have shape (N, {rows}, {columns}) or (N, {rows * columns}), not {images.shape}"
        )
    return images.reshape(len(images), *network.input_shape)
