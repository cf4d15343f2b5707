"""What an INT8 network is: layers that take int8 codes and give int8 codes, requantised by shifts; a classifier ends it in int32.

Codes of an image are a matrix (tokens, channels). ``rs(a, r) = floor(a / 2**r + 1/2)`` is an arithmetic shift that rounds to nearest, ties
up; ``sat`` clips to -128..127. A layer's ``step``, (channels,) or (1,) float64, is the value of its output's codes, for people: no integer
depends on it. Sources: docs/number_formats.md, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple, Union

import numpy as np

from ..lst.layers import NetworkError, check_name

LOW, HIGH = -128, 127  # of codes; weights are symmetric, -127..127, so that two fit one multiplier
MAX_SHIFT = 16  # of a requantisation; the least is 1
MAX_FAN_IN = 512  # a sum of so many products has 24 bits: float32 holds it exactly
MAX_TOKENS = 1 << 16  # likewise the sum of so many codes
MAX_CLASSIFIER_BIAS = 1 << 24
TABLE_ENTRIES = 64  # every fourth code; between them, straight lines
TABLE_STRIDE = (HIGH - LOW + 1) // TABLE_ENTRIES


class Axis:
    """What a matrix is applied to: the channels of every token, or the tokens of every channel."""

    CHANNELS, TOKENS = "channels", "tokens"
    ALL = (CHANNELS, TOKENS)


@dataclass(frozen=True)
class Matrix:
    """y[o] = sat(rs(sum_i weights_q[o, i] x[i], shift[o]) + bias_q[o]), i and o along the axis; with relu, max(0, y)."""

    axis: str
    weights_q: np.ndarray  # (fan_out, fan_in)
    shift: np.ndarray  # (fan_out,)
    bias_q: np.ndarray  # (fan_out,), in codes of the output
    step: np.ndarray
    relu: bool = False

    def __post_init__(self):
        if self.axis not in Axis.ALL:
            raise NetworkError(f"axis must be one of {', '.join(Axis.ALL)}, not {self.axis!r}")
        _check_array("weights_q", self.weights_q, (None, None), -HIGH, HIGH)
        _check_fan_in_limit(self.weights_q)
        if type(self.relu) is not bool:
            raise NetworkError(f"relu must be true or false, not {self.relu!r}")
        _check_requantisation(self, len(self.weights_q))


@dataclass(frozen=True)
class Affine:
    """y = sat(rs(weights_q x, shift) + bias_q), each channel its own."""

    weights_q: np.ndarray  # (channels,)
    shift: np.ndarray
    bias_q: np.ndarray
    step: np.ndarray

    def __post_init__(self):
        _check_array("weights_q", self.weights_q, (None,), -HIGH, HIGH)
        _check_requantisation(self, len(self.weights_q))


@dataclass(frozen=True)
class Table:
    """A function for each channel: T[m] + rs((T[m + 1] - T[m]) l, 2) with m = (x + 128) >> 2, l = (x + 128) & 3; T[64] is T[63]."""

    table_q: np.ndarray  # (channels, 64): of x = -128, -124, ..., 124
    step: np.ndarray
    function: str = "lerp_psa"  # for people

    def __post_init__(self):
        _check_array("table_q", self.table_q, (None, TABLE_ENTRIES), LOW, HIGH)
        if not isinstance(self.function, str):
            raise NetworkError(f"function must be a name, not {self.function!r}")
        _check_step(self.step)

    def expanded(self) -> np.ndarray:
        """(channels, 256) int64: the function of every code, -128 first."""
        knots = np.concatenate([self.table_q, self.table_q[:, -1:]], axis=1).astype(np.int64)
        part = np.arange(TABLE_STRIDE)
        rise = np.diff(knots)[:, :, None] * part
        return (knots[:, :-1, None] + ((rise + TABLE_STRIDE // 2) >> 2)).reshape(len(knots), -1)


@dataclass(frozen=True)
class Add:
    """y = sat(x + sat(rs(weights_q z, shift))), each channel its own: z, what layer `source` gave, brought to x's steps."""

    source: int  # -1 is the network's input
    weights_q: np.ndarray  # (channels,)
    shift: np.ndarray  # (channels,)
    step: np.ndarray

    def __post_init__(self):
        if type(self.source) is not int:
            raise NetworkError(f"source must be a whole number, not {self.source!r}")
        _check_array("weights_q", self.weights_q, (None,), -HIGH, HIGH)
        _check_array("shift", self.shift, (len(self.weights_q),), 1, MAX_SHIFT)
        _check_step(self.step)


@dataclass(frozen=True)
class Mean:
    """y[c] = sat(rs(sum over the tokens of x[t, c], shift)): the mean of 2**k tokens, 2**(k - shift) times as fine as x."""

    shift: int
    step: np.ndarray

    def __post_init__(self):
        if type(self.shift) is not int or not 1 <= self.shift <= MAX_SHIFT:
            raise NetworkError(f"shift must be a whole number in 1..{MAX_SHIFT}, not {self.shift!r}")
        _check_step(self.step)


@dataclass(frozen=True)
class Classifier:
    """logits = weights_q x + bias_q, exact: nothing is requantised."""

    weights_q: np.ndarray  # (classes, channels)
    bias_q: np.ndarray  # (classes,), in the unit of the sums
    step: np.ndarray  # (1,): the value of a logit of 1

    def __post_init__(self):
        _check_array("weights_q", self.weights_q, (None, None), -HIGH, HIGH)
        _check_fan_in_limit(self.weights_q)
        _check_array("bias_q", self.bias_q, (len(self.weights_q),), -MAX_CLASSIFIER_BIAS, MAX_CLASSIFIER_BIAS)
        _check_step(self.step)


Layer = Union[Matrix, Affine, Table, Add, Mean, Classifier]


@dataclass(frozen=True, repr=False)
class Int8Network:
    """Pixels in, logits out. The codes of layer 0's input are p - 128: patches in rows, each flattened row, column, colour.

    golden: an image and what every layer gives for it, to check an implementation by; None in a network under construction.
    """

    name: str
    kind: str
    image_shape: Tuple[int, int, int]
    patch: int
    layers: Tuple[Layer, ...]
    provenance: Dict = field(default_factory=dict)
    golden: Optional[Golden] = None

    def __post_init__(self):
        check_name(self.name)
        sizes = (*self.image_shape, self.patch)
        if (
            len(sizes) != 4
            or any(type(size) is not int or size < 1 for size in sizes)
            or any(size % self.patch for size in sizes[:2])
        ):
            raise NetworkError(
                f"image_shape must be (rows, columns, colours), divided by patches of {self.patch} pixels, "
                f"not {self.image_shape}"
            )
        if self.input_shape[0] > MAX_TOKENS:
            raise NetworkError(f"an image may have {MAX_TOKENS} tokens at most, not {self.input_shape[0]}")
        if [isinstance(layer, Classifier) for layer in self.layers] != [False] * (len(self.layers) - 1) + [
            True
        ]:
            raise NetworkError("the last layer must be a classifier, and no other")
        if not isinstance(self.kind, str):
            raise NetworkError(f"kind must be a name, not {self.kind!r}")
        if not isinstance(self.provenance, dict):
            raise NetworkError(f"provenance must be an object, not {self.provenance!r}")
        shapes = [self.input_shape]
        for number, layer in enumerate(self.layers):
            try:
                shapes.append(_output_shape(layer, shapes))
                if len(layer.step) not in (1, shapes[-1][-1]):
                    raise NetworkError(
                        f"step must be one number or {shapes[-1][-1]}, one for each channel, not {len(layer.step)}"
                    )
            except NetworkError as error:
                raise NetworkError(f"layer {number} ({type(layer).__name__.lower()}): {error}") from None
        if self.golden is not None:
            found = [np.shape(output) for output in self.golden.outputs]
            if np.shape(self.golden.image) != self.image_shape or found != shapes[1:]:
                raise NetworkError("golden must hold an image and the output of every layer in their shapes")

    @property
    def input_shape(self) -> Tuple[int, int]:
        """(tokens, values of a patch)."""
        rows, columns, colours = self.image_shape
        return (rows // self.patch) * (columns // self.patch), self.patch * self.patch * colours

    @property
    def output_shapes(self) -> Tuple[Tuple[int, ...], ...]:
        """Of one image, layer by layer."""
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(_output_shape(layer, shapes))
        return tuple(shapes[1:])

    @property
    def classes(self) -> int:
        return len(self.layers[-1].weights_q)

    @property
    def parameters(self) -> int:
        """Stored numbers of one byte (the classifier's biases have four): weights, biases, tables; shifts are not counted."""
        arrays = (
            getattr(layer, name, None) for layer in self.layers for name in ("weights_q", "bias_q", "table_q")
        )
        return sum(array.size for array in arrays if array is not None)

    def __repr__(self) -> str:
        tables = any(isinstance(layer, Table) for layer in self.layers)
        return (
            f"Int8Network({self.name!r}, {self.kind}, {'x'.join(map(str, self.image_shape))} pixels, {len(self.layers)} layers, "
            f"{self.parameters:,} bytes of parameters{', learned functions' if tables else ''})"
        )


@dataclass(frozen=True)
class Golden:
    """image: (rows, columns, colours) uint8; outputs: what each layer gives for it, int8, the logits int32."""

    image: np.ndarray
    outputs: Tuple[np.ndarray, ...]


def _output_shape(layer: Layer, shapes: list) -> Tuple[int, ...]:
    """shapes: of the network's input and of every earlier layer's output."""
    shape = shapes[-1]
    if len(shape) == 1 and not isinstance(layer, (Affine, Table, Classifier)):
        raise NetworkError("tokens are needed, the mean has been taken already")
    if isinstance(layer, Matrix):
        channels = layer.axis == Axis.CHANNELS
        _check_fan_in(layer.weights_q.shape[1], shape[1] if channels else shape[0], layer.axis)
        return (shape[0], len(layer.weights_q)) if channels else (len(layer.weights_q), shape[1])
    if isinstance(layer, Classifier):
        if len(shape) != 1:
            raise NetworkError("the classifier needs the mean over the tokens")
        _check_fan_in(layer.weights_q.shape[1], shape[0], "channels")
        return (len(layer.weights_q),)
    if isinstance(layer, (Affine, Table)):
        _check_fan_in(
            len(layer.weights_q if isinstance(layer, Affine) else layer.table_q), shape[-1], "channels"
        )
    elif isinstance(layer, Mean):
        return shape[1:]
    else:
        known = len(shapes) - 1
        if not -1 <= layer.source < known - 1:
            raise NetworkError(
                f"source must be an earlier layer than the one before, -1..{known - 2}, not {layer.source}"
            )
        _check_fan_in(len(layer.weights_q), shape[1], "channels")
        if shapes[layer.source + 1] != shape:
            raise NetworkError(
                f"its input has shape {shape}, that of layer {layer.source}, which it adds, {shapes[layer.source + 1]}"
            )
    return shape


def _check_fan_in_limit(weights_q: np.ndarray) -> None:
    if weights_q.shape[1] > MAX_FAN_IN:
        raise NetworkError(f"fan_in must be at most {MAX_FAN_IN}, not {weights_q.shape[1]}")


def _check_fan_in(found: int, wanted: int, axis: str) -> None:
    if found != wanted:
        raise NetworkError(f"is made for {found} {axis}, its input has {wanted}")


def _check_requantisation(layer: Union[Matrix, Affine], count: int) -> None:
    _check_array("shift", layer.shift, (count,), 1, MAX_SHIFT)
    _check_array("bias_q", layer.bias_q, (count,), LOW, HIGH)
    _check_step(layer.step)


def _check_array(name: str, array: np.ndarray, shape: tuple, low: int, high: int) -> None:
    fits = array.ndim == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape)
    )
    if not fits or not array.size:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise NetworkError(f"{name} must have shape ({wanted}), not {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise NetworkError(f"{name} must hold integers, not {array.dtype}")
    if array.min() < low or array.max() > high:
        raise NetworkError(f"{name} must lie in {low}..{high}, found {array.min()}..{array.max()}")


def _check_step(step: np.ndarray) -> None:
    if (
        step.ndim != 1
        or step.dtype != np.float64
        or not step.size
        or not (np.isfinite(step) & (step > 0)).all()
    ):
        raise NetworkError(f"step must hold positive finite numbers, float64, not {step!r}")
