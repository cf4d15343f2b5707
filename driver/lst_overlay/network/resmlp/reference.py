"""The integer reference of ResMLP networks: the specification of their hardware, from uint8 pixels to logits.

All numbers are integers in float32, because BLAS is fast there, and exact: weights carry the factor
2**-shift, and no sum has more than 24 bits (`layers.MAX_FAN_IN`).
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterator, List, Sequence

import numpy as np

from .layers import (
    HIGH,
    LOW,
    Add,
    Affine,
    Axis,
    Classifier,
    Golden,
    Layer,
    Matrix,
    Mean,
    ResMLPNetwork,
    Table,
)

_CHUNK = 32  # images at a time: the intermediate arrays stay in the processor's cache
_HALF = np.float32(0.5)


def pixel_codes(network: ResMLPNetwork, images: np.ndarray) -> np.ndarray:
    """(N, rows, columns, colours) uint8 -> (N, tokens, values) int8: p - 128, patch by patch.

    Raises ValueError for images of another type or shape, as every function here does.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 pixels 0..255, not {images.dtype}")
    if images.shape[1:] != network.image_shape:
        raise ValueError(
            f"images must have shape (N, {', '.join(map(str, network.image_shape))}), not {images.shape}"
        )
    rows, columns, colours = network.image_shape
    size = network.patch
    grid = images.reshape(-1, rows // size, size, columns // size, size, colours).swapaxes(2, 3)
    return (grid.reshape(len(images), *network.input_shape) ^ 0x80).view(np.int8)


def logits(network: ResMLPNetwork, images: np.ndarray) -> np.ndarray:
    """(N, rows, columns, colours) uint8 -> (N, classes) int64, the sums of the classifier."""
    codes, steps = pixel_codes(network, images), _prepared(network)
    out = np.empty((len(codes), network.classes), dtype=np.int64)
    for start in range(0, len(codes), _CHUNK):
        *_, out[start : start + _CHUNK] = _outputs(network, steps, codes[start : start + _CHUNK])
    return out


def outputs(network: ResMLPNetwork, images: np.ndarray) -> List[np.ndarray]:
    """Images as for `logits` -> the codes after each layer, the logits last.

    The codes are int8, of shape (N, tokens, channels), or (N, channels) after the mean; the logits are
    int32, as in a file. A code times its layer's ``step`` is the real value that it stands for.
    """
    *codes, last = _outputs(network, _prepared(network), pixel_codes(network, images))
    return [array.astype(np.int8) for array in codes] + [last.astype(np.int32)]


def with_golden(network: ResMLPNetwork, image: np.ndarray) -> ResMLPNetwork:
    """The network with one image, (rows, columns, colours) uint8, and the outputs of every layer for it."""
    golden = Golden(image, tuple(output[0] for output in outputs(network, image[None])))
    return dataclasses.replace(network, golden=golden)


def _outputs(network: ResMLPNetwork, steps: Sequence[Callable], codes: np.ndarray) -> Iterator[np.ndarray]:
    """The codes after each layer, integers in float32."""
    found = [codes.astype(np.float32)]
    for layer, step in zip(network.layers, steps):
        found.append(step(found[-1], found[layer.source + 1]) if isinstance(layer, Add) else step(found[-1]))
        yield found[-1]


def _prepared(network: ResMLPNetwork) -> List[Callable]:
    """Each layer as a function of float32 codes, its constants converted once."""
    return [_KINDS[type(layer)](layer) for layer in network.layers]


def _saturated(x: np.ndarray, low: int = LOW) -> np.ndarray:
    """floor(x), clipped; in place."""
    return np.clip(np.floor(x, out=x), low, HIGH, out=x)


def _scaled(layer: Layer) -> tuple:
    """Weights times 2**-shift, and the bias plus the half that rounds.

    With them floor(weights x + bias) is rs(weights_q x, shift) + bias_q.
    """
    scale = np.exp2(-layer.shift.astype(np.float32))
    weights = layer.weights_q.astype(np.float32)
    return weights * (scale[:, None] if weights.ndim == 2 else scale), layer.bias_q.astype(np.float32) + _HALF


def _matrix(layer: Matrix) -> Callable:
    weights, bias = _scaled(layer)
    low = 0 if layer.relu else LOW

    def along_channels(x: np.ndarray) -> np.ndarray:
        acc = x.reshape(-1, x.shape[-1]) @ weights.T
        acc += bias
        return _saturated(acc, low).reshape(*x.shape[:-1], len(weights))

    def along_tokens(x: np.ndarray) -> np.ndarray:
        acc = np.matmul(weights, x)
        acc += bias[:, None]
        return _saturated(acc, low)

    return along_channels if layer.axis == Axis.CHANNELS else along_tokens


def _affine(layer: Affine) -> Callable:
    weights, bias = _scaled(layer)
    return lambda x: _saturated(x * weights + bias)


def _table(layer: Table) -> Callable:
    entries = layer.expanded().astype(np.float32)
    first = np.arange(len(entries), dtype=np.intp) * entries.shape[1] - LOW
    return lambda x: entries.ravel().take(x.astype(np.intp) + first)


def _add(layer: Add) -> Callable:
    weights = layer.weights_q.astype(np.float32) * np.exp2(-layer.shift.astype(np.float32))
    return lambda x, source: np.clip(x + _saturated(source * weights + _HALF), LOW, HIGH)


def _mean(layer: Mean) -> Callable:
    scale = np.float32(2.0**-layer.shift)
    return lambda x: _saturated(x.sum(axis=1) * scale + _HALF)


def _classifier(layer: Classifier) -> Callable:
    weights, bias = layer.weights_q.astype(np.float32), layer.bias_q.astype(np.float64)
    return lambda x: x @ weights.T + bias  # products in float32, exact; the sum in float64


_KINDS = {Matrix: _matrix, Affine: _affine, Table: _table, Add: _add, Mean: _mean, Classifier: _classifier}
