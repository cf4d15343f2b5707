"""The integer reference of ResMLP networks: the specification of their hardware, from uint8 pixels to logits.

All numbers are integers in float32, because BLAS is fast there, and exact: weights carry the factor
2**-shift, and no sum has more than 24 bits (`layers.MAX_FAN_IN`).
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterator, List, Sequence

import numpy as np

from ..values import pixels
from .layers import (
    MAX_BITS,
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
    code_range,
)

_CHUNK = 32  # images at a time: the intermediate arrays stay in the processor's cache
_HALF = np.float32(0.5)


def pixel_codes(network: ResMLPNetwork, images: np.ndarray) -> np.ndarray:
    """(N, rows, columns, colours) uint8 -> (N, tokens, values) int8: the upper bits of p - 128.

    Raises ValueError for images of another type or shape, as every function here does.
    """
    images = pixels(images)
    if images.shape[1:] != network.image_shape:
        raise ValueError(
            f"images must have shape (N, {', '.join(map(str, network.image_shape))}), not {images.shape}"
        )
    rows, columns, colours = network.image_shape
    size = network.patch
    grid = images.reshape(-1, rows // size, size, columns // size, size, colours).swapaxes(2, 3)
    codes = (grid.reshape(len(images), *network.input_shape) ^ 0x80).view(np.int8)
    return codes >> (MAX_BITS - network.pixel_bits)


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
    return [
        _table(layer, bits) if isinstance(layer, Table) else _KINDS[type(layer)](layer)
        for layer, bits in zip(network.layers, network.input_bits)
    ]


def _saturated(x: np.ndarray, low: int, high: int) -> np.ndarray:
    """floor(x), clipped; in place."""
    return np.clip(np.floor(x, out=x), low, high, out=x)


def _scaled(layer: Layer) -> tuple:
    """Weights times 2**-shift, and the bias plus the half that rounds.

    With them floor(weights x + bias) is rs(weights_q x, shift) + bias_q.
    """
    scale = np.exp2(-layer.shift.astype(np.float32))
    weights = layer.weights_q.astype(np.float32)
    return weights * (scale[:, None] if weights.ndim == 2 else scale), layer.bias_q.astype(np.float32) + _HALF


def _matrix(layer: Matrix) -> Callable:
    weights, bias = _scaled(layer)
    low, high = code_range(layer.bits)
    low = 0 if layer.relu else low

    def along_channels(x: np.ndarray) -> np.ndarray:
        acc = x.reshape(-1, x.shape[-1]) @ weights.T
        acc += bias
        return _saturated(acc, low, high).reshape(*x.shape[:-1], len(weights))

    def along_tokens(x: np.ndarray) -> np.ndarray:
        acc = np.matmul(weights, x)
        acc += bias[:, None]
        return _saturated(acc, low, high)

    return along_channels if layer.axis == Axis.CHANNELS else along_tokens


def _affine(layer: Affine) -> Callable:
    (weights, bias), (low, high) = _scaled(layer), code_range(layer.bits)
    return lambda x: _saturated(x * weights + bias, low, high)


def _table(layer: Table, input_bits: int) -> Callable:
    entries = layer.expanded(input_bits).astype(np.float32)
    first = np.arange(len(entries), dtype=np.intp) * entries.shape[1] - code_range(input_bits)[0]
    return lambda x: entries.ravel().take(x.astype(np.intp) + first)


def _add(layer: Add) -> Callable:
    (weights, bias), (low, high) = _scaled(layer), code_range(layer.bits)
    return lambda x, source: np.clip(x + _saturated(source * weights + bias, low, high), low, high)


def _mean(layer: Mean) -> Callable:
    scale, (low, high) = np.float32(2.0**-layer.shift), code_range(layer.bits)
    return lambda x: _saturated(x.sum(axis=1) * scale + _HALF, low, high)


def _classifier(layer: Classifier) -> Callable:
    weights, bias = layer.weights_q.astype(np.float32), layer.bias_q.astype(np.float64)
    scale, half = np.exp2(-layer.shift.astype(np.float64)), np.where(layer.shift > 0, 0.5, 0.0)
    # The products are exact in float32, what follows in float64.
    return lambda x: np.floor((x @ weights.T).astype(np.float64) * scale + half) + bias


_KINDS = {Matrix: _matrix, Affine: _affine, Add: _add, Mean: _mean, Classifier: _classifier}
