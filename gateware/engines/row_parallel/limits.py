"""Limits of the row-parallel engine, checked before synthesis: rules, and an estimate of the area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

from gateware.cores.widths import shape_of
from gateware.device import DEVICE
from gateware.engines.row_parallel.adder_graph import AdderGraph
from gateware.engines.row_parallel.classifier import product_width
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, NetworkError
from lst_overlay.network.lst.parameters import SIZE, lst1_layers

# The classifier looks its products up: 5 bits of column, 1 bit of row and these bits address 1,024 words.
MAX_ACTIVATION_BITS = 4
LUT, RAMB18, SLICES = DEVICE["lut"], DEVICE["ramb18"], DEVICE["slices"]
LUT_SHARE, SLICE_SHARE = 0.8, 0.75  # with more, routing is unlikely to succeed
# Shipped networks that may take more slices until the engine needs fewer carry chains: docs/clocks.md. What
# is removed from here is refused.
BEYOND_SLICE_SHARE = ("lst1_w6a4p4", "lst1_w5c4a4p4")
CARRY_BITS = 4  # of a slice
# Fitted to synthesis: LUT per bit of every adder; LUT of transposer, tables, image buffer, registers and DMA;
# LUT of a second port.
_LUT_PER_BIT = 0.83
_OTHER_LUT = 2_670
_LUT_PER_PORT = 350
_OTHER_SLICES = 155  # carry chains and LUT RAM of transposer, buffers, registers and DMA
_SLICES_PER_PORT = 10
_LUT_PER_ROW_CODE_BIT = 135  # of the transposer, for each bit beyond the four that _OTHER_LUT includes
_OTHER_RAMB18 = 1


@dataclass(frozen=True)
class Estimate:
    slices: int
    lut: int
    ramb18: int


def estimate(network: Network, layout: ImageLayout) -> Estimate:
    """Estimate the area of the engine with a network.

    Slices are the least number of them: an adder takes one for every four bits, since a slice has one carry
    chain of four bits; a constant is fitted for the rest. LUT are the bits of every adder times a fitted
    factor, plus a fitted constant: within 4 % of the syntheses in docs/ladder.md. RAMB18 are counted.
    """
    rows, columns, dense = network.layers
    adders: List[int] = []  # bits of each
    for layer, codes in zip((rows, columns), network.input_ranges):
        graph = AdderGraph.of(layer.weights_q)
        adders += [shape_of(*span)[0] for span in graph.ranges(*codes)[graph.inputs :]]
        adders += SIZE * [shape_of(*layer.acc_bounds(*codes))[0]]
    width = product_width(dense, columns.activation.width)
    terms, bits = SIZE, width
    while terms > 1:
        terms, bits = -(-terms // 2), bits + 1
        adders += network.classes * terms * [bits]
    adders += network.classes * [shape_of(*dense.acc_bounds(*network.input_ranges[2]))[0]]
    added = sum(adders)
    transposer = _LUT_PER_ROW_CODE_BIT * (rows.activation.width - 4)
    lut = round(_OTHER_LUT + _LUT_PER_PORT * (layout.ports - 1) + _LUT_PER_BIT * added + transposer)
    # Two channels share one RAMB18, in two stages; an index of at most ten bits fits.
    tables = 2 * (SIZE // 2)
    buffers = (2 if layout.interleaved else 1) * -(-SIZE * network.pixel_bits // 36)
    fifos = 2 * layout.ports
    chains = sum(-(-bits // CARRY_BITS) for bits in adders)
    slices = chains + _OTHER_SLICES + _SLICES_PER_PORT * (layout.ports - 1)
    return Estimate(
        slices, lut, SIZE // 2 * -(-network.classes * width // 18) + tables + buffers + fifos + _OTHER_RAMB18
    )


def check(network: Network, layout: ImageLayout) -> None:
    """Raise NetworkError, with the rule and the value, for a network that this engine cannot hold."""
    lst1_layers(network)
    if layout.packed_bits not in (0, network.pixel_bits):
        raise NetworkError(
            f"network {network.name!r} has pixels of {network.pixel_bits} bits; "
            f"packed ones have {layout.packed_bits} here"
        )
    bits = network.layers[1].activation.width
    if bits > MAX_ACTIVATION_BITS:
        raise NetworkError(
            f"network {network.name!r}: "
            f"the classifier takes activations of at most {MAX_ACTIVATION_BITS} bits, not {bits}"
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
    if area.slices > SLICE_SHARE * SLICES and network.name not in BEYOND_SLICE_SHARE:
        raise NetworkError(
            f"network {network.name!r} needs at least {area.slices:,} slices, {SLICE_SHARE:.0%} of the "
            f"XC7Z010's are {SLICE_SHARE * SLICES:,.0f}: "
            "fewer bits of weights of the rows and columns stages need fewer additions"
        )
