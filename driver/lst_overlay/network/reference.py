"""The integer reference: the specification of the hardware, from uint8 pixels to logits.

Matrix products run in float64 BLAS, which is exact here: every partial sum is an integer below 2**31
(`Network` refuses wider accumulators), far inside float64's 2**53.
"""
from __future__ import annotations

from typing import List

import numpy as np

from .layers import Activation, Axis, Layer, Network

_CHUNK = 256  # images at a time: the intermediate arrays stay in the processor's cache


def pixel_codes(images: np.ndarray, bits: int) -> np.ndarray:
    """uint8 pixels of any shape -> codes 0 .. 2**bits - 1, the same shape, uint8."""
    return np.right_shift(images, 8 - bits)


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    """images: (N, rows, columns) uint8 -> (N, classes) int64, raw accumulators of the last layer."""
    images = _checked(network, images)
    out = np.empty((len(images), network.classes), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        x = pixel_codes(images[start:start + _CHUNK], network.pixel_bits).astype(np.float64)
        for layer in network.layers:
            x = _layer(layer, x)
        out[start:start + _CHUNK] = x
    return out


def hidden(network: Network, images: np.ndarray) -> List[np.ndarray]:
    """Codes after each layer, int64, the logits last: what a look inside the network shows."""
    x = pixel_codes(_checked(network, images), network.pixel_bits).astype(np.float64)
    outputs = []
    for layer in network.layers:
        x = _layer(layer, x)
        outputs.append(x.astype(np.int64))
    return outputs


def classify(logits_q: np.ndarray) -> np.ndarray:
    """(N, classes) logits -> (N,) classes: the lowest index of the largest logit."""
    return np.argmax(logits_q, axis=1)


def _layer(layer: Layer, x: np.ndarray) -> np.ndarray:
    """Codes in, codes out, float64 holding integers."""
    acc = _products(layer, x)
    return acc if layer.activation is None else _activate(layer.activation, acc)


def _products(layer: Layer, x: np.ndarray) -> np.ndarray:
    weights = layer.weights_q.astype(np.float64)
    if layer.axis is Axis.COLUMNS:
        return np.matmul(weights, x) + layer.bias_q[:, None]
    if layer.axis is Axis.DENSE:
        x = x.reshape(len(x), -1)
    return (x.reshape(-1, x.shape[-1]) @ weights.T + layer.bias_q).reshape(x.shape[:-1] + (layer.fan_out,))


def _activate(activation: Activation, acc: np.ndarray) -> np.ndarray:
    half = 1 << (activation.index_width - 1)
    # Scaling by a power of two is exact, so the floor is the arithmetic shift.
    index = np.floor(acc * 2.0 ** -activation.shift)
    np.clip(index, -half, half - 1, out=index)
    index += half
    return activation.table_q.astype(np.float64).take(index.astype(np.intp))


def _checked(network: Network, images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    rows, columns = network.image_shape
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 pixels 0..255, not {images.dtype}")
    if images.shape[1:] not in ((rows, columns), (rows * columns,)):
        raise ValueError(f"images must have shape (N, {rows}, {columns}) or (N, {rows * columns}), not {images.shape}")
    return images.reshape(-1, rows, columns)
