"""Figures that others published, each with its source, for comparison with ours."""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """accuracy: percent of the MNIST test set.

    parameters: trained numbers, rounded where the source rounds them.
    """

    network: str
    accuracy: float
    parameters: int
    source: str


ITS = "ITS slides (quantisation study of LST-1)"
DSPA = "DSPA-2025 slides (LST-2D)"

FIGURES = (
    Published("Liang, FP-BNN", 98.32, 10_100_000, ITS),
    Published("Umuroglu, LFC-max", 98.40, 1_863_690, ITS),
    Published("Medus, 784-600-600-10", 98.63, 891_610, ITS),
    Published("Samragh, 784-512-512-10", 98.40, 670_208, ITS),
    Published("Huynh, 784-126-126-10", 98.16, 115_920, ITS),
    Published("Huynh, 784-40-40-40-10", 97.20, 34_960, ITS),
    Published("Westby, 784-12-10", 93.25, 9_550, ITS),
    Published("ResLST-3", 98.53, 12_722, DSPA),
    Published("LST-2", 98.34, 11_098, DSPA),
    Published("LST-1", 98.02, 9_474, DSPA),
    Published("LST-1", 98.37, 9_474, ITS),
    Published("LST-1 in Q6.7", 98.28, 9_474, ITS),
)

# What the ITS slides state about LST-1 and fraction bits; at 5 bits they contradict each other.
STATEMENTS = (
    "In Q6.7 it reaches 98.28 %, in float 98.37 %; a 12-bit design in Q5.7 loses nothing.",
    "From 5 fraction bits on, the accuracy is above 97 %.",
    "Another slide gives 88.5 % with 5 fraction bits and 21.9 % with 4 (post-training, weights only).",
    "The divergence of the weights' histograms jumps from 5 to 4 fraction bits, where the accuracy falls.",
)
