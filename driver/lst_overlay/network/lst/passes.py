"""An LST network as passes of two arrays, one of which multiplies along rows and one along columns.

pixels --> rows --> columns --+--> rows --> columns --+--> ... --> classifier
                    + kept sum, if the layer adds     |
                                   may be kept <------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

from ..archive import NetworkError
from ..formats import code_range
from .layers import Axis, Layer, LSTNetwork
from .serial_format import (
    BIAS_WORDS,
    CLASS_LANES,
    CLASS_WORDS,
    CLASSES,
    CODE_WIDTH,
    COMMON_BLOCKS,
    FEATURES,
    LANES,
    PASSES,
    ROUNDS,
    SIDES,
    SUM_WIDTH,
    TABLE_BLOCKS,
    WEIGHT_WORDS,
)

# Clocks from the last element of a vector in an array to the earliest read of its first output by the other,
# less those in which the image changes the array.
HANDOVER = {Axis.ROWS: 16, Axis.COLUMNS: 17}


@dataclass(frozen=True)
class Pass:
    """A layer, or the part of it that has at most LANES outputs.

    layer:    the number of the layer.
    outputs:  the first output and the number of outputs.
    vectors:  the number of vectors.
    round_:   the number of ten classes for which the last layer is computed once more.
    fields:   the flags of its descriptor.
    """

    layer: int
    outputs: Tuple[int, int]
    vectors: int
    round_: int
    fields: Dict[str, int]


@dataclass(frozen=True)
class Program:
    """The passes of an image on both arrays, and the rounds of the classifier."""

    passes: Dict[Axis, List[Pass]]
    rounds: int


def program(network: LSTNetwork) -> Program:
    """The passes of a network. Raises NetworkError, with rule and value, if the engine cannot hold it."""
    layers, vectors_of = network.layers, chain(network)
    rounds = -(-network.classes // CLASS_LANES)
    found: Dict[Axis, List[Pass]] = {Axis.ROWS: [], Axis.COLUMNS: []}
    added = {layer.add for layer in layers}
    for number, (layer, vectors) in enumerate(zip(layers[:-1], vectors_of)):
        last, parts = number == len(layers) - 2, _parts(layer.fan_out)
        for round_ in range(rounds if last else 1):
            for part in parts:
                at_end = part == parts[-1] and round_ == (rounds - 1 if last else 0)
                flags = {
                    "from_pixels": number == 0,
                    "releases": number == 0 and at_end,
                    "stores": number in added,
                    "adds": layer.add is not None,
                    "classifies": last,
                    "opens": last and part == parts[0],
                    "closes": last and part == parts[-1],
                    "hands_over": at_end,
                    "ends": at_end and number >= len(layers) - 3,
                    "delay": 0 if last else _delay(layer, layers[number + 1]),
                }
                found[layer.axis].append(Pass(number, part, vectors, round_, flags))
    _check_memories(network, found, rounds)
    return Program(found, rounds)


def vector_clocks(layer: Layer) -> int:
    """The clocks from one vector of a layer to the next: no less than its sums need to leave the array."""
    return max(layer.fan_in, LANES)


def _delay(layer: Layer, following: Layer) -> int:
    """The clocks from the start of a pass's last vector until the image may enter the other array.

    Elements are the last clocks of a vector. The last element of the first vector in the other array is an
    output of the last vector in this one.
    """
    return vector_clocks(layer) - vector_clocks(following) + HANDOVER[layer.axis]


def _parts(outputs: int) -> List[Tuple[int, int]]:
    """(first output, outputs) of each pass of a layer: the fewest passes, of nearly equal size."""
    count = -(-outputs // LANES)
    size = -(-outputs // count)
    return [(first, min(size, outputs - first)) for first in range(0, outputs, size)]


def chain(network: LSTNetwork) -> List[int]:
    """The number of vectors of each layer but the last, of a chain of rows and columns and a classifier.

    Raises NetworkError, with rule and value, for any other network: shapes and codes beyond the greatest, or
    sums of layers that are not kept.
    """
    check_vectors(network)
    check_form(network)
    sides = network.image_shape
    if not all(SIDES[0] <= side <= SIDES[1] for side in sides):
        raise NetworkError(
            f"network {network.name!r}: images must have {SIDES[0]}..{SIDES[1]} rows and columns, "
            f"not {'x'.join(map(str, sides))}"
        )
    if not 2 <= network.classes <= CLASSES:
        raise NetworkError(f"network {network.name!r}: classes must be 2..{CLASSES}, not {network.classes}")
    vectors, shape = [], sides
    for number, layer in enumerate(network.layers[:-1]):
        along_rows = layer.axis is Axis.ROWS
        where = f"network {network.name!r}: layer {number} ({layer.axis.value})"
        if not 2 <= layer.fan_out <= FEATURES:
            raise NetworkError(f"{where}: features must be 2..{FEATURES}, not {layer.fan_out}")
        if layer.add is not None and along_rows:
            raise NetworkError(f"{where}: only a layer along columns can add, not one along rows")
        if layer.add is not None and network.layers[layer.add].axis is not Axis.COLUMNS:
            raise NetworkError(f"{where}: adds layer {layer.add}, which is not along columns")
        vectors.append(shape[0] if along_rows else shape[1])
        shape = (shape[0], layer.fan_out) if along_rows else (layer.fan_out, shape[1])
    _check_codes(network)
    _check_kept(network)
    return vectors


def check_form(network: LSTNetwork) -> None:
    """Raise NetworkError, with rule and value, unless layers along rows and columns take turns."""
    axes = [layer.axis for layer in network.layers]
    if len(axes) < 3 or axes != [Axis.ROWS, Axis.COLUMNS] * (len(axes) // 2) + [Axis.DENSE]:
        raise NetworkError(
            f"network {network.name!r} ({network.kind}) must be rows and columns in turn and one dense "
            f"layer, not {', '.join(axis.value for axis in axes)}"
        )


def check_vectors(network: LSTNetwork) -> None:
    """Raise NetworkError, with rule and value, unless a vector of the first layer is a row of the image."""
    if network.rows_per_vector != 1:
        raise NetworkError(
            f"network {network.name!r}: the engine takes one row of an image as a vector, "
            f"not {network.rows_per_vector}: the engine row_parallel takes it"
        )


def _check_kept(network: LSTNetwork) -> None:
    kept, added = None, {layer.add for layer in network.layers}
    for number, layer in enumerate(network.layers):
        if layer.add is not None and layer.add != kept:
            raise NetworkError(
                f"network {network.name!r}: layer {number} ({layer.axis.value}) adds layer {layer.add}; of "
                f"the layers that are added later, only the last ({kept}) is kept"
            )
        if number in added:
            kept = number


def _check_codes(network: LSTNetwork) -> None:
    low, high = code_range(CODE_WIDTH)
    for number, layer in enumerate(network.layers):
        codes = [layer.weights_q] + ([] if layer.activation is None else [layer.activation.table_q])
        for array in codes:
            if array.min() < low or array.max() > high:
                raise NetworkError(
                    f"network {network.name!r}: layer {number} ({layer.axis.value}): codes must fit "
                    f"{CODE_WIDTH} bits, found {array.min()}..{array.max()}"
                )
    low, high = code_range(SUM_WIDTH)
    for number, (least, greatest) in enumerate(network.hidden_ranges):
        if least < low or greatest > high:
            raise NetworkError(
                f"network {network.name!r}: layer {number}: sums must fit {SUM_WIDTH} bits, "
                f"found {least}..{greatest}"
            )


def blocks(layer: Layer) -> int:
    """The blocks of a layer's tables."""
    return layer.fan_out if layer.activation.per_channel else COMMON_BLOCKS


def _check_memories(network: LSTNetwork, passes: Dict[Axis, List[Pass]], rounds: int) -> None:
    for axis, items in passes.items():
        of_axis = [layer for layer in network.layers if layer.axis is axis]
        needs = {
            "passes": (len(items), PASSES),
            "weights": (sum(layer.weights_q.size for layer in of_axis), WEIGHT_WORDS),
            "biases": (sum(layer.fan_out for layer in of_axis), BIAS_WORDS),
            "blocks of 256 table entries": (sum(map(blocks, of_axis)), TABLE_BLOCKS),
        }
        for what, (needed, room) in needs.items():
            if needed > room:
                raise NetworkError(
                    f"network {network.name!r}: its layers along {axis.value} need {needed} {what}, "
                    f"the engine holds {room}"
                )
    needed = rounds * network.layers[-1].fan_in
    if needed > CLASS_WORDS or rounds > ROUNDS:
        raise NetworkError(
            f"network {network.name!r}: {network.classes} classes of {network.layers[-1].fan_in} inputs need "
            f"{needed} words of each of the {CLASS_LANES} lanes of the classifier, which hold {CLASS_WORDS}"
        )
