"""A ResMLP network as branches of stages, each of which has multipliers of its own.

A branch begins where codes must wait for a whole image: at the pixels, and wherever the axis changes or a
residual branch begins. The stages of a branch follow one another group by group:

branch 0: embedding | 1: token mixer | 2: first, second matrix of the channel MLP | 3: token mixer | ..
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import List, Optional, Tuple, Union

import numpy as np

from gateware.cores.widths import signed_width
from lst_overlay.network import NetworkError
from lst_overlay.network.resmlp import Affine, Axis, ResMLPNetwork, Table
from lst_overlay.network.resmlp.layers import Matrix, code_range
from lst_overlay.network.resmlp.packing import Packing, densest
from lst_overlay.network.resmlp.passes import Pass, passes


@dataclass(frozen=True, eq=False)
class Stage:
    """A matrix and what stands before and behind it.

    function:   what turns the values that arrive into codes; None if they are codes.
    input_bits: of these values.
    code_bits:  of the codes.
    vectors:    of an image: tokens, or channels, each of them a product with the matrix.
    """

    item: Pass
    function: Optional[Union[Affine, Table]]
    input_bits: int
    code_bits: int
    vectors: int

    @property
    def matrix(self) -> Matrix:
        return self.item.matrix

    @property
    def output_bits(self) -> int:
        """Of the values that leave the stage."""
        return (self.item.add or self.item.affine or self.matrix).bits

    @property
    def products(self) -> int:
        """Of an image."""
        return self.fan_in * self.outputs * self.vectors

    @property
    def over_tokens(self) -> bool:
        return self.matrix.axis == Axis.TOKENS

    @property
    def outputs(self) -> int:
        return self.matrix.weights_q.shape[0]

    @property
    def fan_in(self) -> int:
        return self.matrix.weights_q.shape[1]

    @cached_property
    def packing(self) -> Packing:
        return densest(self.matrix.weight_bits, self.code_bits)

    @cached_property
    def sum_bits(self) -> int:
        """The width of a signed sum, whatever the codes are: the weights bound it."""
        low, high = code_range(self.code_bits)
        positive = np.maximum(self.matrix.weights_q, 0).sum(axis=1)
        negative = np.minimum(self.matrix.weights_q, 0).sum(axis=1)
        greatest = int((positive * high + negative * low).max())
        least = int((positive * low + negative * high).min())
        return max(signed_width(least, greatest), self.packing.field_bits)


@dataclass(frozen=True, eq=False)
class Branch:
    """Stages along one axis. adds: the last one's output is added to the values that the first one takes."""

    stages: Tuple[Stage, ...]
    adds: bool

    @property
    def vectors(self) -> int:
        return self.stages[0].vectors


def branches(network: ResMLPNetwork) -> List[Branch]:
    """The branches of a network. Raises NetworkError, with the layer, if it has another form."""
    tokens = network.input_shape[0]
    found, open_, source = [], [], None
    previous = None
    for item in passes(network):
        number, over_tokens = item.number, item.matrix.axis == Axis.TOKENS
        function = previous.function if previous else None
        vectors = network.output_shapes[number][1] if over_tokens else tokens
        bits = network.input_bits
        stage = Stage(item, function, bits[number - (function is not None)], bits[number], vectors)
        if open_ and (
            stage.over_tokens != open_[-1].over_tokens or open_[-1].item.add or open_[-1].item.is_stored
        ):
            found.append(Branch(tuple(open_), open_[-1].item.add is not None))
            source, open_ = open_[-1].item.result, []
        if item.add is not None and item.add.source != source:
            raise NetworkError(
                f"network {network.name!r}, layer {item.result}: the engine adds the values with which the "
                f"branch begins, the output of layer {source}, not that of layer {item.add.source}"
            )
        open_.append(stage)
        previous = item
    found.append(Branch(tuple(open_), open_[-1].item.add is not None))
    return found
