"""Limits of the row-parallel engine, checked before synthesis: rules, and an estimate of the area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, NamedTuple, Tuple

from gateware.cores.simd_cascade import LANE_WIDTH
from gateware.cores.widths import shape_of
from gateware.device import DEVICE
from gateware.engines.row_parallel.adder_graph import AdderGraph
from gateware.engines.row_parallel.addition import split
from gateware.engines.row_parallel.classifier import greatest_partial_sum
from gateware.engines.row_parallel.shape import (
    by_lanes,
    classifier_ramb18,
    columns_at_once,
    filled,
    rows_of,
    table_ramb18,
    tables_in_luts,
)
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Axis, Layer, LSTNetwork, NetworkError
from lst_overlay.network.lst.passes import check_form
from lst_overlay.registers import BEAT_BYTES

ROWS = (4, 32)
ROW_PIXELS = 4  # so that a row fills whole bytes of its beats, or two rows do
# The classifier looks its products up: 5 bits of column, 1 bit of row and these bits address 1,024 words.
MAX_ACTIVATION_BITS = 4
LUT, RAMB18, SLICES = DEVICE["lut"], DEVICE["ramb18"], DEVICE["slices"]
LUT_SHARE, SLICE_SHARE = 0.8, 0.75  # with more, routing is unlikely to succeed
CARRY_BITS = 4  # of a slice
# Fitted to syntheses of networks of 28 x 28 pixels.
_LUT_PER_BIT = 0.901  # of every adder of two numbers
_OTHER_LUT = 2_625  # of transposer, image buffer, registers and DMA
_LUT_PER_PORT = 197  # of each port but the first
_LUT_PER_BYTE_PORT = 347  # more, if it brings uint8 pixels
_LUT_PER_ROW_CODE_BIT = 135  # of the transposer, for each bit beyond the four that _OTHER_LUT includes
_LUT_PER_PAIR = 1_630  # of the transposers of a further pair of layers
_LUT_PER_TABLE_BIT = 5  # of a channel's code, with its table in LUTs
_OTHER_SLICES = 63
_SLICES_PER_CHAIN = 0.156  # for each slice of a chain, beside those of its LUT
_SLICES_PER_LUT = 0.14
_OTHER_RAMB18 = 1


@dataclass(frozen=True)
class Estimate:
    slices: int
    lut: int
    ramb18: int


class _Sum(NamedTuple):
    """bits: that are added. adders: those of two numbers that do the same. chain: whether it has one."""

    bits: int
    adders: int
    chain: bool


def _sums(layer: Layer, codes: Tuple[int, int]) -> Iterator[_Sum]:
    """The sums of a constant matrix."""
    graph = AdderGraph.of(layer.weights_q)
    widths = [shape_of(*span)[0] for span in graph.ranges(*codes)]
    sums = [(terms, 0, width) for terms, width in zip(graph.additions, widths[graph.inputs :])]
    acc_width = shape_of(*layer.acc_bounds(*codes))[0]
    sums += [(terms, bias, acc_width) for terms, bias in zip(graph.outputs, layer.bias_q.tolist()) if terms]
    for terms, constant, width in sums:
        parts = [(widths[term.signal], term.shift, term.sign) for term in terms]
        _, bits, chain = split(parts, constant, width)
        yield _Sum(bits, len(terms) - 1 + bool(constant), chain)


def estimate(network: LSTNetwork, layout: ImageLayout) -> Estimate:
    """Estimate the area of the engine with a network.

    LUT are the bits of every adder of two numbers times a fitted factor, plus fitted constants. Slices, the
    least number of them, are fitted to LUT and carry chains. Both are within 2 % of the syntheses in
    docs/ladder.md. RAMB18 are counted.
    """
    network = filled(network)
    *layers, dense = network.layers
    at_once = columns_at_once(network)
    sums = [
        sum_
        for layer, codes in zip(layers, network.input_ranges)
        for sum_ in list(_sums(layer, codes)) * (at_once if layer.axis is Axis.COLUMNS else 1)
    ]
    logit_bits = shape_of(*dense.acc_bounds(*network.input_ranges[-1]))[0]
    sums += network.classes * [_Sum(logit_bits, 2, True)]
    added = sum(bits * adders for bits, adders, _ in sums)
    in_luts = tables_in_luts(network)
    table_bits = sum(layers[number].activation.width for number in in_luts) * at_once * rows_of(network)
    lut = (
        _OTHER_LUT
        + _LUT_PER_BIT * added
        + (_LUT_PER_PORT + _LUT_PER_BYTE_PORT * (not layout.packed_bits)) * (layout.ports - 1)
        + _LUT_PER_ROW_CODE_BIT * (layers[0].activation.width - 4)
        + _LUT_PER_PAIR * (len(layers) // 2 - 1)
        + _LUT_PER_TABLE_BIT * table_bits
    )
    chains = sum(-(-bits // CARRY_BITS) for bits, _, chain in sums if chain)
    slices = _OTHER_SLICES + _SLICES_PER_CHAIN * chains + _SLICES_PER_LUT * lut
    tables = (len(layers) - len(in_luts)) * table_ramb18(network)
    width = network.image_shape[1] * network.pixel_bits
    buffers = max(1, layout.ports_per_buffer // 2) * -(-width // 36)
    fifos = 2 * layout.ports
    ramb18 = classifier_ramb18(network) + tables + buffers + fifos + _OTHER_RAMB18
    return Estimate(round(slices), round(lut), ramb18)


def check_shape(network: LSTNetwork) -> None:
    """Raise NetworkError, with the rule and the value, if the images or layers have no such engine."""
    check_form(network)
    rows, columns = network.input_shape
    size = rows_of(network)
    if rows < ROWS[0] or size > ROWS[1]:
        raise NetworkError(
            f"network {network.name!r}: an image must enter in {ROWS[0]}..{ROWS[1]} clocks, one for each row "
            f"or feature along columns, not {rows if rows < ROWS[0] else size}"
        )
    if columns % ROW_PIXELS or rows * columns % BEAT_BYTES:
        raise NetworkError(
            f"network {network.name!r}: the columns of an image must be a multiple of {ROW_PIXELS} and its "
            f"pixels of {BEAT_BYTES}, so that beats hold whole rows, not {rows} x {columns}: "
            "the engine pixel_serial takes it"
        )
    if any(layer.add is not None for layer in network.layers):
        raise NetworkError(
            f"network {network.name!r} adds the output of an earlier layer, which is not kept: the engine "
            "pixel_pairs takes it"
        )
    if not 2 <= network.classes < size:
        raise NetworkError(
            f"network {network.name!r}: classes must be 2..{size - 1}, not {network.classes}: the logits of "
            f"an image and its class leave one per clock in its {size} clocks"
        )


def check(network: LSTNetwork, layout: ImageLayout) -> None:
    """Raise NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    check_shape(network)
    if layout.packed_bits not in (0, network.pixel_bits):
        raise NetworkError(
            f"network {network.name!r} has pixels of {network.pixel_bits} bits; "
            f"packed ones have {layout.packed_bits} here"
        )
    bits = network.layers[-2].activation.width
    if bits > MAX_ACTIVATION_BITS:
        raise NetworkError(
            f"network {network.name!r}: "
            f"the classifier takes activations of at most {MAX_ACTIVATION_BITS} bits, not {bits}"
        )
    whole = filled(network)
    lanes = columns_at_once(whole) * rows_of(whole)
    greatest = greatest_partial_sum(by_lanes(whole), lanes, bits)
    if greatest >= 1 << LANE_WIDTH - 1:
        raise NetworkError(
            f"network {network.name!r}: the classifier adds up half of a column in {LANE_WIDTH} bits, "
            f"its sums reach {greatest:,}: fewer bits of classifier weights make them smaller"
        )
    area = estimate(network, layout)
    if area.ramb18 > RAMB18:
        raise NetworkError(
            f"network {network.name!r} needs about {area.ramb18} RAMB18, the XC7Z010 has {RAMB18}: "
            "fewer bits of classifier weights make its products narrower"
        )
    if area.lut > LUT_SHARE * LUT:
        raise NetworkError(
            f"network {network.name!r} needs about {area.lut:,} LUT, {LUT_SHARE:.0%} of the XC7Z010's are "
            f"{LUT_SHARE * LUT:,.0f}: "
            "fewer bits of weights of the rows and columns stages need fewer additions"
        )
    if area.slices > SLICE_SHARE * SLICES:
        raise NetworkError(
            f"network {network.name!r} needs at least {area.slices:,} slices, {SLICE_SHARE:.0%} of the "
            f"XC7Z010's are {SLICE_SHARE * SLICES:,.0f}: "
            "fewer bits of weights of the rows and columns stages need fewer additions"
        )
