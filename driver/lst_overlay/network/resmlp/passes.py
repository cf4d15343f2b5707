"""A ResMLP network as passes of an array of multipliers: a matrix, and what follows it up to the next one.

codes --> matrix --> affine --> add --+--> function --> codes of the next matrix
                                ^     |
                residual stream +-----+ (if a later `add` needs it), or the mean
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple, Union

from ..archive import NetworkError
from .layers import Add, Affine, Matrix, Mean, ResMLPNetwork, Table


@dataclass(frozen=True)
class Pass:
    """A matrix and the layers after it, each of which may be missing.

    number:   the number of the matrix's layer.
    channels: of the output.
    result:   the number of the layer before the function: its output is the residual stream, or enters the
              mean.
    is_stored: a later `add` takes this output as its source.
    is_last:  the output enters the mean.
    """

    number: int
    matrix: Matrix
    affine: Optional[Affine]
    add: Optional[Add]
    function: Optional[Union[Affine, Table]]
    channels: int
    result: int
    is_stored: bool
    is_last: bool


def passes(network: ResMLPNetwork) -> List[Pass]:
    """The passes of a network that is matrices on tokens, a mean, and the classifier.

    Raises NetworkError, with the layer, if a layer has no place in a pass, or if an `add` takes anything but
    the last output that was stored.
    """
    layers = network.layers
    if len(layers) < 3 or not isinstance(layers[0], Matrix) or not isinstance(layers[-2], Mean):
        raise NetworkError(
            f"network {network.name!r} must begin with a matrix and end with mean and classifier"
        )
    begins = [number for number, layer in enumerate(layers) if isinstance(layer, Matrix)]
    sources = {layer.source for layer in layers if isinstance(layer, Add)}
    found, stored = [], None
    for begin, end in zip(begins, [*begins[1:], len(layers) - 2]):
        affine, add, function = _steps(layers[begin + 1 : end], begin + 1)
        result = end - 1 - (function is not None)
        if add is not None and add.source != stored:
            raise NetworkError(
                f"layer {result} (add) takes the output of layer {add.source}; only that of the last layer "
                f"whose output is added to ({stored}) is kept"
            )
        if result in sources:
            stored = result
        is_last = end == len(layers) - 2
        if is_last and function is not None:
            raise NetworkError(f"layer {end - 1} stands before the mean, where the array has no function")
        channels = network.output_shapes[begin][1]
        steps = (layers[begin], affine, add, function)
        found.append(Pass(begin, *steps, channels, result, result in sources, is_last))
    return found


def _steps(
    layers: Tuple, number: int
) -> Tuple[Optional[Affine], Optional[Add], Optional[Union[Affine, Table]]]:
    """(affine, add, function) of the layers between two matrices. A single affine is a function."""
    rest = list(layers)
    affine = rest.pop(0) if len(rest) > 1 and isinstance(rest[0], Affine) else None
    add = rest.pop(0) if rest and isinstance(rest[0], Add) else None
    function = rest.pop(0) if rest and isinstance(rest[0], (Affine, Table)) else None
    if rest:
        kind = type(rest[0]).__name__.lower()
        raise NetworkError(
            f"layer {number + len(layers) - len(rest)} ({kind}) has no place behind a matrix: there may be "
            "an affine, an add, and an affine or a table"
        )
    return affine, add, function
