"""The integer reference: the specification of the hardware, from uint8 pixels to logits.

Matrix products run in floating-point BLAS, which is exact here: every partial sum is an integer below 2**24 in
float32, or below 2**31 (`Network` refuses wider accumulators) in float64, which is exact to 2**53.
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

import numpy as np

from .layers import Axis, Layer, Network

_CHUNK = 512  # images at a time: the intermediate arrays stay in the processor's cache
_FLOAT32_EXACT = 1 << 24


def pixel_codes(images: np.ndarray, bits: int) -> np.ndarray:
    """uint8 pixels of any shape -> codes 0 .. 2**bits - 1, the same shape, uint8."""
    return np.right_shift(images, 8 - bits)


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    """images: (N, rows, columns) uint8 -> (N, classes) int64, raw accumulators of the last layer."""
    images = _checked(network, images)
    layers = _prepared(network)
    out = np.empty((len(images), network.classes), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        *_, out[start : start + _CHUNK] = _outputs(
            layers, pixel_codes(images[start : start + _CHUNK], network.pixel_bits)
        )
    return out


def hidden(network: Network, images: np.ndarray) -> List[np.ndarray]:
    """Codes after each layer, int64, the logits last: what a look inside the network shows."""
    codes = pixel_codes(_checked(network, images), network.pixel_bits)
    return [x.astype(np.int64) for x in _outputs(_prepared(network), codes)]


def classify(logits_q: np.ndarray) -> np.ndarray:
    """(N, classes) logits -> (N,) classes: the lowest index of the largest logit."""
    return np.argmax(logits_q, axis=1)


class _PreparedLayer:
    """A layer with its constants converted to floating point once: codes in, codes out, integers all.

    Weights and bias carry the factor 2**-shift, exact because it is a power of two, and the bias also carries the
    table's offset, so a product truncated to an integer is the position in the table; positions outside saturate.
    """

    def __init__(self, layer: Layer, x_range: Tuple[int, int]):
        activation = layer.activation
        offset = 0 if activation is None else 1 << (activation.shift + activation.index_width - 1)
        scale = 1.0 if activation is None else 2.0**-activation.shift
        bias_q = layer.bias_q + offset
        largest = np.abs(layer.weights_q).sum(axis=1) * max(abs(bound) for bound in x_range) + np.abs(bias_q)
        self.dtype = np.float32 if largest.max() < _FLOAT32_EXACT else np.float64
        self.axis = layer.axis
        self.weights = (layer.weights_q * scale).astype(self.dtype)
        self.bias = (bias_q * scale).astype(self.dtype)
        self.table, self.first_entry = None, None
        if activation is not None:
            self.table = activation.table_q.ravel().astype(np.float32)
        if (
            activation is not None and activation.per_channel
        ):  # the tables lie one after the other; saturation must not leave one's own
            self.last = activation.table_q.shape[1] - 1
            self.first_entry = np.arange(layer.fan_out, dtype=np.intp) * (self.last + 1)
            if layer.axis is Axis.COLUMNS:
                self.first_entry = self.first_entry[:, None]
        self.add = layer.add

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


def _prepared(network: Network) -> List[_PreparedLayer]:
    return [_PreparedLayer(layer, x_range) for layer, x_range in zip(network.layers, network.input_ranges)]


def _outputs(layers: List[_PreparedLayer], x: np.ndarray) -> Iterator[np.ndarray]:
    """Codes after each layer, sums included."""
    outputs: List[np.ndarray] = []
    for layer in layers:
        x = layer(x)
        if layer.add is not None:
            x = x + outputs[layer.add]
        outputs.append(x)
        yield x


def _checked(network: Network, images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    rows, columns = network.image_shape
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 pixels 0..255, not {images.dtype}")
    if images.shape[1:] not in ((rows, columns), (rows * columns,)):
        raise ValueError(
            f"images must have shape (N, {rows}, {columns}) or (N, {rows * columns}), not {images.shape}"
        )
    return images.reshape(-1, rows, columns)
