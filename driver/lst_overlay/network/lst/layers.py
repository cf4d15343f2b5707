"""The layers of an LST network: integer weights and biases, and a table after every layer but the last.

A layer computes on integer codes. ``acc = weights_q . x_q`` is exact. A layer with an activation gives
``table[sat((acc + bias_q) >> shift)]``, to which a residual network adds an earlier layer's output. The
last layer has
no activation: it gives ``acc + bias_q``, the logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Dict, List, Optional, Tuple

import numpy as np

from ..archive import NetworkError
from ..family import MAX_LAYERS, Network
from ..formats import code_range
from ..values import Value, integers, positive, whole

# Biases and logits leave the hardware as int32; one bit is kept so that comparing two cannot overflow.
MAX_ACC_WIDTH = 31
MAX_INDEX_WIDTH = 10
MAX_INDEX_WIDTH_PER_CHANNEL = 8
MAX_CODE_WIDTH = 16  # the network file keeps weights and table entries as int16


class Axis(str, Enum):
    """The direction along which a layer multiplies: N images of r rows and k columns, o outputs."""

    ROWS = "rows"  # (N, r, k) -> (N, r, o): the same weights for every row
    COLUMNS = "columns"  # (N, r, k) -> (N, o, k): the same weights for every column
    DENSE = "dense"  # (N, ...), each image flattened row-major -> (N, o)


@dataclass(frozen=True, eq=False)
class Activation(Value):
    """A function as a table of codes: index = saturate((acc + bias_q) >> shift) to index_width bits, signed.

    table_q: int64, (2**index_width,), or (fan_out, 2**index_width) for a table for each channel. The entries
        ascend from the most negative index; that of index i is the code of f(i * index_step).
    width, step: bits and real value of an output code.
    function: the name of f; no integer depends on it.
    """

    shift: int
    index_width: int
    index_step: float
    table_q: np.ndarray
    width: int
    step: float
    function: str = "tanh"

    def __post_init__(self):
        width = whole("activation width", self.width, 1, MAX_CODE_WIDTH)
        self._set(
            shift=whole("activation shift", self.shift, 0, 31),
            table_q=integers("activation table", self.table_q, *code_range(width)),
            width=width,
            step=positive("activation step", self.step),
            index_step=positive("activation index_step", self.index_step),
        )
        limit = MAX_INDEX_WIDTH_PER_CHANNEL if self.per_channel else MAX_INDEX_WIDTH
        name = f"activation index_width{' with a table per channel' * self.per_channel}"
        self._set(index_width=whole(name, self.index_width, 1, limit))
        entries = 1 << self.index_width
        if self.table_q.ndim not in (1, 2) or self.table_q.shape[-1] != entries:
            raise NetworkError(
                f"activation table must have shape ({entries},) or (channels, {entries}), "
                f"not {self.table_q.shape}"
            )

    @property
    def per_channel(self) -> bool:
        return self.table_q.ndim == 2


@dataclass(frozen=True, eq=False)
class Layer(Value):
    """A fully connected layer and the activation after it.

    weights_q: (fan_out, fan_in) int64.
    bias_q: (fan_out,) int64, in the accumulator's unit. Before an activation it includes 2**(shift - 1),
        which makes the shift round to nearest, ties up.
    weights_step: the real value of a weight code.
    add: the number of an earlier layer, whose output has the shape and the step of this layer's and is added
        to it. The sum is not requantised. None: nothing is added.

    docs/number_formats.md says where each rule comes from.
    """

    axis: Axis
    weights_q: np.ndarray
    bias_q: np.ndarray
    weights_width: int
    weights_step: float
    activation: Optional[Activation] = None
    add: Optional[int] = None

    def __post_init__(self):
        width = whole("weights_width", self.weights_width, 2, MAX_CODE_WIDTH)
        high = code_range(width)[1]
        self._set(
            weights_q=integers("weights_q", self.weights_q, -high, high),
            bias_q=integers("bias_q", self.bias_q, *code_range(32)),
            weights_width=width,
            weights_step=positive("weights_step", self.weights_step),
            add=None if self.add is None else whole("add", self.add, 0, MAX_LAYERS),
        )
        if self.weights_q.ndim != 2:
            raise NetworkError(f"weights_q must have shape (fan_out, fan_in), not {self.weights_q.shape}")
        if self.bias_q.shape != (self.fan_out,):
            raise NetworkError(f"bias_q must have shape ({self.fan_out},), not {self.bias_q.shape}")
        if not self.weights_q.size:
            raise NetworkError(f"weights_q must not be empty, its shape is {self.weights_q.shape}")
        if (
            self.activation is not None
            and self.activation.per_channel
            and len(self.activation.table_q) != self.fan_out
        ):
            raise NetworkError(
                f"{self.fan_out} channels need as many tables, not {len(self.activation.table_q)}"
            )

    @property
    def fan_in(self) -> int:
        return self.weights_q.shape[1]

    @property
    def fan_out(self) -> int:
        return self.weights_q.shape[0]

    def acc_bounds(self, x_low: int, x_high: int) -> Tuple[int, int]:
        """The least and the greatest ``acc + bias_q`` that inputs of codes x_low..x_high can give."""
        positive = np.maximum(self.weights_q, 0).sum(axis=1)
        negative = np.minimum(self.weights_q, 0).sum(axis=1)
        low = positive * x_low + negative * x_high + self.bias_q
        high = positive * x_high + negative * x_low + self.bias_q
        return int(low.min()), int(high.max())


@dataclass(frozen=True, eq=False, repr=False)
class LSTNetwork(Network):
    """An LST network: pixels in, logits (the raw accumulators of the last layer) out.

    A uint8 pixel p enters as the code c = p >> (8 - pixel_bits), which stands for (c + 1/2) /
    2**(pixel_bits - 1) - 1.
    The layers form a chain: each takes the output of the layer before it.

    rows_per_vector: how many rows of the image, side by side, are one row of what enters the first layer.
    """

    name: str
    kind: str
    pixel_bits: int
    image_shape: Tuple[int, int]
    layers: Tuple[Layer, ...]
    provenance: Dict = field(default_factory=dict)
    rows_per_vector: int = 1

    def __post_init__(self):
        super().__post_init__()
        self._set(layers=tuple(self.layers), pixel_bits=whole("pixel_bits", self.pixel_bits, 1, 8))
        if len(self.image_shape) != 2:
            raise NetworkError(f"image_shape must be (rows, columns), not {self.image_shape}")
        if not self.layers:
            raise NetworkError("a network needs at least one layer")
        shape, shapes = vectors_shape(self.image_shape, self.rows_per_vector), []
        self._set(rows_per_vector=int(self.rows_per_vector))
        for number, layer in enumerate(self.layers):
            where = f"layer {number} ({layer.axis.value})"
            shape = _output_shape(where, layer, shape)
            last = number == len(self.layers) - 1
            if last and layer.activation is not None:
                raise NetworkError(f"{where}: the last layer has no activation")
            if not last and layer.activation is None:
                raise NetworkError(f"{where}: every layer but the last has an activation")
            if layer.add is not None:
                self._check_sum(where, number, shape, shapes)
            shapes.append(shape)
        if len(shape) != 1:
            raise NetworkError(f"the last layer must be dense, not {self.layers[-1].axis.value}")
        for number, (layer, codes) in enumerate(zip(self.layers, self.input_ranges)):
            low, high = layer.acc_bounds(*codes)
            width = max(high, -low - 1).bit_length() + 1
            if width > MAX_ACC_WIDTH:
                raise NetworkError(
                    f"layer {number} ({layer.axis.value}): accumulators need {width} bits, "
                    f"at most {MAX_ACC_WIDTH} are allowed"
                )

    def _check_sum(
        self, where: str, number: int, shape: Tuple[int, ...], shapes: List[Tuple[int, ...]]
    ) -> None:
        layer = self.layers[number]
        if layer.activation is None or not 0 <= layer.add < number:
            raise NetworkError(
                f"{where}: adds layer {layer.add}, but only a layer with activation can add, "
                "and only an earlier one"
            )
        if shapes[layer.add] != shape:
            raise NetworkError(
                f"{where}: its output has shape {shape}, that of layer {layer.add}, "
                f"which it adds, {shapes[layer.add]}"
            )
        summand = self.layers[layer.add].activation
        if summand.step != layer.activation.step:
            raise NetworkError(
                f"{where}: summands must share one step, found {layer.activation.step} and {summand.step}"
            )

    @property
    def input_shape(self) -> Tuple[int, int]:
        """Rows and columns of what enters the first layer."""
        return vectors_shape(self.image_shape, self.rows_per_vector)

    @property
    def input_ranges(self) -> List[Tuple[int, int]]:
        """The least and the greatest code of each layer's input."""
        return [code_range(self.pixel_bits, signed=False), *self.hidden_ranges]

    @property
    def hidden_ranges(self) -> List[Tuple[int, int]]:
        """The least and the greatest code of each layer's output, sums included; the logits are left out."""
        ranges: List[Tuple[int, int]] = []
        for layer in self.layers[:-1]:
            low, high = int(layer.activation.table_q.min()), int(layer.activation.table_q.max())
            if layer.add is not None:
                low, high = low + ranges[layer.add][0], high + ranges[layer.add][1]
            ranges.append((low, high))
        return ranges

    def __repr__(self) -> str:
        weights = dict.fromkeys(str(layer.weights_width) for layer in self.layers)
        activations = dict.fromkeys(str(layer.activation.width) for layer in self.layers[:-1])
        vectors = f", {self.rows_per_vector} rows per vector" if self.rows_per_vector > 1 else ""
        return (
            f"LSTNetwork({self.name!r}, {self.kind}, {'x'.join(map(str, self.image_shape))} pixels "
            f"of {self.pixel_bits} bits{vectors}, {self.parameters:,} parameters, "
            f"weights of {'-'.join(weights)} bits"
            + (f", activations of {'-'.join(activations)} bits)" if activations else ")")
        )

    @property
    def classes(self) -> int:
        return self.layers[-1].fan_out

    @property
    def logit_step(self) -> float:
        x_step = self.layers[-2].activation.step if len(self.layers) > 1 else 2.0 ** (1 - self.pixel_bits)
        return x_step * self.layers[-1].weights_step

    @property
    def parameters(self) -> int:
        """The number of weights and biases. Tables are not counted."""
        return sum(layer.weights_q.size + layer.bias_q.size for layer in self.layers)


def vectors_shape(image_shape: Tuple[int, int], rows_per_vector: int) -> Tuple[int, int]:
    """The rows and columns of an image of which every so many rows, side by side, have become one."""
    rows, columns = image_shape
    count = whole("rows_per_vector", rows_per_vector, 1, rows)
    if rows % count:
        raise NetworkError(f"rows_per_vector must divide the rows of an image, {rows}, not {count}")
    return rows // count, columns * count


def _output_shape(where: str, layer: Layer, shape: Tuple[int, ...]) -> Tuple[int, ...]:
    if layer.axis is Axis.DENSE:
        fan_in, out = int(np.prod(shape)), (layer.fan_out,)
    elif len(shape) != 2:
        raise NetworkError(f"{where}: needs a two-dimensional input, not shape {shape}")
    elif layer.axis is Axis.ROWS:
        fan_in, out = shape[1], (shape[0], layer.fan_out)
    else:
        fan_in, out = shape[0], (layer.fan_out, shape[1])
    if layer.fan_in != fan_in:
        raise NetworkError(
            f"{where}: fan_in must be {fan_in} for an input of shape {shape}, not {layer.fan_in}"
        )
    return out
