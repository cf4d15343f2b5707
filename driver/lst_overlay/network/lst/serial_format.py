"""What the engine pixel_serial can hold, and the layout of its parameters, which LOAD sends.

Parameters are little-endian 32-bit words, section after section; the gateware walks the same list. Numbers
narrower than their container are sign-extended, so the hardware keeps the low bits of each word.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from ..sections import Section
from .layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL

LAYOUT_MAGIC = 0x3354534C  # "LST3", the first word
SIDES = (8, 32)  # of an image
FEATURES = 32  # rows and columns of every tensor
LANES = 28  # outputs of a pass, each with a multiplier
CLASS_LANES = 10  # classes of a round, each with a multiplier
CODE_WIDTH = 13  # container of weights and activations, the published Q6.7
SUM_WIDTH = 14  # container of the output of a columns layer, which may be a sum
PASSES = 16  # of an image on each of the two arrays
WEIGHT_WORDS = 3072  # of the layers along rows, and as many of those along columns
BIAS_WORDS = 128  # likewise
TABLE_BLOCKS = 96  # likewise, of BLOCK entries: one table for all channels has four, else each has one
BLOCK = 1 << MAX_INDEX_WIDTH_PER_CHANNEL
COMMON_BLOCKS = 1 << (MAX_INDEX_WIDTH - MAX_INDEX_WIDTH_PER_CHANNEL)
CLASS_WORDS = 2048  # of each lane of the classifier
ROUNDS = 4
CLASSES = 32

# A pass, lowest bits first. Numbers that count from 0 end with the one that is named last_.
DESCRIPTOR: Tuple[Tuple[str, int], ...] = (
    ("last_input", 5),
    ("last_vector", 5),
    ("idle", 5),  # clocks of a vector before its first element
    ("last_but_one", 5),  # of the clocks of a vector
    ("first_output", 5),
    ("last_output", 5),  # of this pass: outputs - 1
    ("delay", 6),  # clocks from the start of the last vector until the image may enter the other array
    ("weights", 12),  # addresses of the first weight, bias and block of tables
    ("bias", 7),
    ("block", 7),
    ("shift", 5),
    ("per_channel", 1),
    ("from_pixels", 1),
    ("releases", 1),  # the pixels of the image are no longer needed
    ("stores", 1),  # the output is kept, to be added later
    ("adds", 1),  # what was kept is added
    ("classifies", 1),  # the output enters the classifier
    ("opens", 1),  # its first code is the first of a round of classes
    ("closes", 1),  # its last code is the last of a round of classes
    ("hands_over", 1),  # the image leaves this array
    ("ends", 1),  # the pass is the last of the image on this array
)
DESCRIPTOR_LANES = -(-sum(width for _, width in DESCRIPTOR) // 32)

# The fields, word by word, lowest bits first. Lengths are those of sections, less 1.
FIELDS: Tuple[Tuple[Tuple[str, int], ...], ...] = (
    (("last_row", 5), ("last_column", 5), ("pixel_shift", 3), ("image_beats", 8)),
    (("last_class", 5), ("last_logit", 6), ("class_words", 11)),
    (("rows_weights", 12), ("columns_weights", 12)),
    (("rows_blocks", 7), ("columns_blocks", 7), ("rows_bias", 7), ("columns_bias", 7)),
)


def sections(lengths: Dict[str, int]) -> List[Section]:
    """The sections for the values of the fields that state lengths."""

    def length(name: str) -> int:
        return lengths[name] + 1

    return [
        Section("fields", 1, 1 + len(FIELDS)),
        Section("rows_passes", DESCRIPTOR_LANES, PASSES),
        Section("columns_passes", DESCRIPTOR_LANES, PASSES),
        Section("rows_weights", 1, length("rows_weights")),
        Section("columns_weights", 1, length("columns_weights")),
        Section("rows_bias", 1, length("rows_bias")),
        Section("columns_bias", 1, length("columns_bias")),
        Section("rows_table", 1, BLOCK * length("rows_blocks")),
        Section("columns_table", 1, BLOCK * length("columns_blocks")),
        Section("classifier_weights", CLASS_LANES, length("class_words")),
        Section("classifier_bias", 1, CLASS_LANES * ROUNDS),
    ]


def packed(layout: Tuple[Tuple[str, int], ...], values: Dict[str, int]) -> int:
    """The values as one number, the first name in the lowest bits. Missing values are 0."""
    number, place = 0, 0
    for name, width in layout:
        value = int(values.get(name, 0))
        assert 0 <= value < 1 << width, (name, value)
        number |= value << place
        place += width
    return number


MAX_LENGTHS = {
    "rows_weights": WEIGHT_WORDS - 1,
    "columns_weights": WEIGHT_WORDS - 1,
    "rows_bias": BIAS_WORDS - 1,
    "columns_bias": BIAS_WORDS - 1,
    "rows_blocks": TABLE_BLOCKS - 1,
    "columns_blocks": TABLE_BLOCKS - 1,
    "class_words": CLASS_WORDS - 1,
}
