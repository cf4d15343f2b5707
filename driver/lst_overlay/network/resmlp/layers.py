"""The layers of a ResMLP network: codes in, codes out, requantised by shifts; a classifier last.

The codes of an image are a matrix (tokens, channels) of signed integers. Each layer states the width of its
output's codes in ``bits``, 8 in INT8 networks. Two operations recur: ``rs(a, r) = floor(a / 2**r + 1/2)``, an
arithmetic shift that rounds to nearest, ties up, and ``sat``, which clips to the codes of the layer's
output. The ``step`` of a layer, (channels,) or (1,) float64, is the real value of its output's codes. It is
information for people: no integer depends on it. docs/number_formats.md, section 7, says where each rule
comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple, Union

import numpy as np

from ..archive import NetworkError
from ..family import MAX_LAYERS, MAX_SIDE, Network
from ..values import Value, checked_array, frozen, integers, positive_numbers, whole

MAX_BITS = 8  # of codes and of weights
LOW, HIGH = -128, 127  # range of 8-bit codes and of biases
MAX_SHIFT = 16  # greatest shift of a requantisation; the least is 1
MAX_FAN_IN = 512  # a sum of 512 products has 24 bits: float32 holds it exactly
MAX_TOKENS = 1 << 16  # a sum of 65,536 codes has 24 bits, too
MAX_CLASSIFIER_BIAS = 1 << 24


def code_range(bits: int) -> Tuple[int, int]:
    """The least and the greatest code of that width."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def greatest_weight(bits: int) -> int:
    """Weights are symmetric, so that several products fit one multiplier: -127..127 with 8 bits."""
    return (1 << (bits - 1)) - 1


class Axis:
    """The direction of a matrix product: the channels of every token, or the tokens of every channel."""

    CHANNELS, TOKENS = "channels", "tokens"
    ALL = (CHANNELS, TOKENS)


@dataclass(frozen=True, eq=False)
class Matrix(Value):
    """y[o] = sat(rs(sum_i weights_q[o, i] x[i], shift[o]) + bias_q[o]), i and o along the axis.

    relu: the result is max(0, y[o]).
    """

    axis: str
    weights_q: np.ndarray  # (fan_out, fan_in)
    shift: np.ndarray  # (fan_out,)
    bias_q: np.ndarray  # (fan_out,), in codes of the output
    step: np.ndarray
    relu: bool = False
    bits: int = MAX_BITS
    weight_bits: int = MAX_BITS

    def __post_init__(self):
        if self.axis not in Axis.ALL:
            raise NetworkError(f"axis must be one of {', '.join(Axis.ALL)}, not {self.axis!r}")
        if not isinstance(self.relu, (bool, np.bool_)):
            raise NetworkError(f"relu must be true or false, not {self.relu!r}")
        weight_bits = _bits("weight_bits", self.weight_bits)
        weights_q = _weights(self.weights_q, (None, None), weight_bits)
        _check_fan_in_limit(weights_q)
        self._set(
            weights_q=weights_q,
            relu=bool(self.relu),
            weight_bits=weight_bits,
            **_requantisation(self, len(weights_q)),
        )


@dataclass(frozen=True, eq=False)
class Affine(Value):
    """y = sat(rs(weights_q x, shift) + bias_q), with numbers of its own for each channel."""

    weights_q: np.ndarray  # (channels,)
    shift: np.ndarray
    bias_q: np.ndarray
    step: np.ndarray
    bits: int = MAX_BITS

    def __post_init__(self):
        weights_q = _weights(self.weights_q, (None,), MAX_BITS)
        self._set(weights_q=weights_q, **_requantisation(self, len(weights_q)))


@dataclass(frozen=True, eq=False)
class Table(Value):
    """A function of each channel by linear interpolation between the E entries T of its table.

    y = T[m] + rs((T[m + 1] - T[m]) l, k), where x has b bits, 2**k = 2**b / E, m = (x + 2**(b-1)) >> k,
    l = (x + 2**(b-1)) mod 2**k, and T[E] is T[E - 1].
    """

    table_q: np.ndarray  # (channels, E): the values at every 2**k-th code, the least one first
    step: np.ndarray
    function: str = "lerp_psa"  # its name, for people
    bits: int = MAX_BITS

    def __post_init__(self):
        if not isinstance(self.function, str):
            raise NetworkError(f"function must be a name, not {self.function!r}")
        bits = _bits("bits", self.bits)
        self._set(
            table_q=_array("table_q", self.table_q, (None, None), *code_range(bits)),
            step=_step(self.step),
            bits=bits,
        )

    def expanded(self, input_bits: int) -> np.ndarray:
        """(channels, 2**input_bits) int64: the value of the function at every code, the least one first."""
        stride = (1 << input_bits) // self.table_q.shape[1]
        knots = np.concatenate([self.table_q, self.table_q[:, -1:]], axis=1)
        rise = np.diff(knots)[:, :, None] * np.arange(stride)
        return (knots[:, :-1, None] + (rise + stride // 2) // stride).reshape(len(knots), -1)


@dataclass(frozen=True, eq=False)
class Add(Value):
    """y = sat(x + sat(rs(weights_q z, shift) + bias_q)), with numbers of its own for each channel.

    z is the output of the layer ``source``; its weights and shifts convert it to the steps of x.
    """

    source: int  # the number of a layer, or -1 for the network's input
    weights_q: np.ndarray  # (channels,)
    shift: np.ndarray  # (channels,)
    step: np.ndarray
    bias_q: Optional[np.ndarray] = None  # (channels,); None stands for zeros
    bits: int = MAX_BITS

    def __post_init__(self):
        weights_q = _weights(self.weights_q, (None,), MAX_BITS)
        if self.bias_q is None:
            self._set(bias_q=np.zeros_like(weights_q))
        self._set(
            source=whole("source", self.source, -1, MAX_LAYERS),
            weights_q=weights_q,
            **_requantisation(self, len(weights_q)),
        )


@dataclass(frozen=True, eq=False)
class Mean(Value):
    """y[c] = sat(rs(sum_t x[t, c], shift)), t over the tokens.

    The step of the mean of 2**k tokens is 2**(shift - k) times that of x.
    """

    shift: int
    step: np.ndarray
    bits: int = MAX_BITS

    def __post_init__(self):
        self._set(
            shift=whole("shift", self.shift, 1, MAX_SHIFT),
            step=_step(self.step),
            bits=_bits("bits", self.bits),
        )


@dataclass(frozen=True, eq=False)
class Classifier(Value):
    """logits[o] = rs(sum_c weights_q[o, c] x[c], shift[o]) + bias_q[o]; rs(a, 0) is a. Nothing is clipped."""

    weights_q: np.ndarray  # (classes, channels)
    bias_q: np.ndarray  # (classes,), in the unit of the logits
    step: np.ndarray  # (1,): the real value of a logit of 1
    shift: Optional[np.ndarray] = None  # (classes,); None stands for zeros
    weight_bits: int = MAX_BITS

    def __post_init__(self):
        weight_bits = _bits("weight_bits", self.weight_bits)
        weights_q = _weights(self.weights_q, (None, None), weight_bits)
        _check_fan_in_limit(weights_q)
        shape = (len(weights_q),)
        shift = np.zeros(shape, np.int64) if self.shift is None else self.shift
        self._set(
            weights_q=weights_q,
            bias_q=_array("bias_q", self.bias_q, shape, -MAX_CLASSIFIER_BIAS, MAX_CLASSIFIER_BIAS),
            step=_step(self.step),
            shift=_array("shift", shift, shape, 0, MAX_SHIFT),
            weight_bits=weight_bits,
        )


Layer = Union[Matrix, Affine, Table, Add, Mean, Classifier]


@dataclass(frozen=True, eq=False, repr=False)
class ResMLPNetwork(Network):
    """A ResMLP network: pixels in, logits out.

    A uint8 pixel p enters as the code floor((p - 128) / 2**(8 - pixel_bits)). The tokens of an image are its
    patches of ``patch`` x ``patch`` pixels, row by row; the channels of a token are its pixels' values by
    row, column, colour, the colour fastest.
    golden: an image and its outputs, by which an implementation can be checked. Every file of ours holds one.
    """

    name: str
    kind: str
    image_shape: Tuple[int, int, int]
    patch: int
    layers: Tuple[Layer, ...]
    provenance: Dict = field(default_factory=dict)
    golden: Optional[Golden] = None
    pixel_bits: int = MAX_BITS

    def __post_init__(self):
        super().__post_init__()
        self._set(
            patch=whole("patch", self.patch, 1, MAX_SIDE),
            layers=tuple(self.layers),
            pixel_bits=_bits("pixel_bits", self.pixel_bits),
        )
        if len(self.image_shape) != 3 or any(size % self.patch for size in self.image_shape[:2]):
            raise NetworkError(
                f"image_shape must be (rows, columns, colours), divided by patches of {self.patch} pixels, "
                f"not {self.image_shape}"
            )
        if self.input_shape[0] > MAX_TOKENS:
            raise NetworkError(f"an image may have {MAX_TOKENS} tokens at most, not {self.input_shape[0]}")
        classifiers = [number for number, layer in enumerate(self.layers) if isinstance(layer, Classifier)]
        if not self.layers or classifiers != [len(self.layers) - 1]:
            raise NetworkError("the last layer must be a classifier, and no other")
        shapes = [self.input_shape]
        for number, (layer, bits) in enumerate(zip(self.layers, self.input_bits)):
            try:
                if isinstance(layer, Table):
                    _check_entries(layer.table_q.shape[1], bits)
                shapes.append(_output_shape(layer, shapes))
                if len(layer.step) not in (1, shapes[-1][-1]):
                    raise NetworkError(
                        f"step must be one number or {shapes[-1][-1]}, one for each channel, "
                        f"not {len(layer.step)}"
                    )
            except NetworkError as error:
                raise NetworkError(f"layer {number} ({type(layer).__name__.lower()}): {error}") from None
        if self.golden is not None:
            found = [output.shape for output in self.golden.outputs]
            if self.golden.image.shape != self.image_shape or found != shapes[1:]:
                raise NetworkError("golden must hold an image and the output of every layer in their shapes")

    @property
    def input_shape(self) -> Tuple[int, int]:
        """(tokens, values of a patch): the shape of an image's codes."""
        rows, columns, colours = self.image_shape
        return (rows // self.patch) * (columns // self.patch), self.patch * self.patch * colours

    @property
    def input_bits(self) -> Tuple[int, ...]:
        """The width of the codes that each layer takes as its input."""
        return (self.pixel_bits, *(layer.bits for layer in self.layers[:-1]))

    @property
    def output_shapes(self) -> Tuple[Tuple[int, ...], ...]:
        """The shape of each layer's output for one image."""
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(_output_shape(layer, shapes))
        return tuple(shapes[1:])

    @property
    def classes(self) -> int:
        return len(self.layers[-1].weights_q)

    @property
    def logit_step(self) -> float:
        return float(self.layers[-1].step[0])

    @property
    def parameters(self) -> int:
        """The number of weights, biases and table entries. Shifts, and biases of `add`, are not counted."""
        counted = (
            (layer, name)
            for layer in self.layers
            for name in ("weights_q", "bias_q", "table_q")
            if hasattr(layer, name) and (name, type(layer)) != ("bias_q", Add)
        )
        return sum(getattr(layer, name).size for layer, name in counted)

    def __repr__(self) -> str:
        tables = any(isinstance(layer, Table) for layer in self.layers)
        return (
            f"ResMLPNetwork({self.name!r}, {self.kind}, {'x'.join(map(str, self.image_shape))} pixels, "
            f"{len(self.layers)} layers, {self.parameters:,} parameters"
            f"{', learned functions' if tables else ''})"
        )


@dataclass(frozen=True, eq=False)
class Golden(Value):
    """An image, (rows, columns, colours) uint8, and its codes after each layer: int8, the logits int32."""

    image: np.ndarray
    outputs: Tuple[np.ndarray, ...]

    def __post_init__(self):
        self._set(
            image=frozen(checked_array("golden image", self.image)),
            outputs=tuple(frozen(checked_array("golden output", output)) for output in self.outputs),
        )


def _output_shape(layer: Layer, shapes: list) -> Tuple[int, ...]:
    """The shape of the layer's output. shapes: those of the network's input and all earlier outputs."""
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
        last = len(shapes) - 2  # the number of the layer before this one
        if not -1 <= layer.source < last:
            raise NetworkError(
                f"source must be an earlier layer than the one before, -1..{last - 1}, not {layer.source}"
            )
        _check_fan_in(len(layer.weights_q), shape[1], "channels")
        if shapes[layer.source + 1] != shape:
            raise NetworkError(
                f"its input has shape {shape}, that of layer {layer.source}, which it adds, "
                f"{shapes[layer.source + 1]}"
            )
    return shape


def _bits(name: str, bits: int) -> int:
    return whole(name, bits, 2, MAX_BITS)


def _weights(weights_q: np.ndarray, shape: tuple, bits: int) -> np.ndarray:
    return _array("weights_q", weights_q, shape, -greatest_weight(bits), greatest_weight(bits))


def _check_entries(entries: int, input_bits: int) -> None:
    if entries & (entries - 1) or not 2 <= entries < 1 << input_bits:
        raise NetworkError(
            f"a table for codes of {input_bits} bits must have a power of two of entries, "
            f"2..{1 << (input_bits - 1)}, not {entries}"
        )


def _check_fan_in_limit(weights_q: np.ndarray) -> None:
    if weights_q.shape[1] > MAX_FAN_IN:
        raise NetworkError(f"fan_in must be at most {MAX_FAN_IN}, not {weights_q.shape[1]}")


def _check_fan_in(found: int, wanted: int, axis: str) -> None:
    if found != wanted:
        raise NetworkError(f"is made for {found} {axis}, its input has {wanted}")


def _requantisation(layer: Union[Matrix, Affine, Add], count: int) -> Dict:
    """The members that the layers with shifts have in common, checked."""
    return {
        "shift": _array("shift", layer.shift, (count,), 1, MAX_SHIFT),
        "bias_q": _array("bias_q", layer.bias_q, (count,), LOW, HIGH),
        "step": _step(layer.step),
        "bits": _bits("bits", layer.bits),
    }


def _array(name: str, values: np.ndarray, shape: tuple, low: int, high: int) -> np.ndarray:
    """Integers of that shape, in which None stands for any size."""
    array = integers(name, values, low, high)
    fits = array.ndim == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape)
    )
    if not fits or not array.size:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise NetworkError(f"{name} must have shape ({wanted}), not {array.shape}")
    return array


def _step(values: np.ndarray) -> np.ndarray:
    step = positive_numbers("step", values)
    if step.ndim != 1 or not step.size:
        raise NetworkError(f"step must have shape (1,) or (channels,), not {step.shape}")
    return step
