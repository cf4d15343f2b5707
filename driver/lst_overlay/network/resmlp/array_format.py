"""What an array of multipliers can hold, and the layout of its parameters, which LOAD sends.

Parameters are little-endian 32-bit words, section after section; the gateware walks the same list. Words of
a memory that are wider are in lanes: lane n holds the bits from 32 n on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

from ..sections import Section

LAYOUT_MAGIC = 0x31504D52  # "RMP1", the first word
ROWS = COLUMNS = 16  # outputs of a tile: rows x columns
SLOT_CHANNELS = 16  # a slot of the code memory holds so many channels of all tokens
STREAM_BITS = 8  # of the residual stream, and of everything between a matrix and the function
UNIT_SHIFT = 16  # a requantisation multiplies by weight * 2**(UNIT_SHIFT - shift)
MAX_ENTRIES = 64  # of a channel's table
MIN_TABLE_SHIFT = 2  # codes between two entries of a table: 2**2 .. 2**5
CLASSES = 10

# A pass in the sequencer's memory, lowest bits first.
DESCRIPTOR: Tuple[Tuple[str, int], ...] = (
    ("in_slot", 5),
    ("out_slot", 5),
    ("over_tokens", 1),  # the matrix sums over tokens: rows are tokens, columns channels
    ("columns_outer", 1),  # all rows of a column group come before the next column group
    ("last_step", 8),  # fan_in - 1
    ("last_but_one", 8),  # clocks of a tile - 2
    ("last_row_group", 4),
    ("last_column_group", 4),
    ("weights", 14),  # addresses of the first words of the pass
    ("requant", 10),
    ("affine", 9),
    ("add", 9),
    ("function", 9),
    ("has_affine", 1),
    ("has_add", 1),
    ("has_function", 1),
    ("has_table", 1),
    ("table_slot", 9),
    ("table_shift", 2),
    ("relu", 1),
    ("writes_stream", 1),
    ("writes_codes", 1),
    ("is_last", 1),
    ("wait", 9),  # idle clocks before the first step
)
DESCRIPTOR_LANES = 4


@dataclass(frozen=True)
class ArrayFormat:
    """The widths of an array, and what its memories hold.

    weight_bits, code_bits: of the matrices; pixels and the mean have code_bits, too.
    image_shape, patch:     tokens are a multiple of 16, and 16 groups of a power of two.
    weight_words:           words of ROWS weights.
    requant_words:          pairs of rows, over all passes.
    channel_words:          of affines, adds and functions each: pairs of channels, over all passes, and one.
    table_slots:            pairs of channels that have tables, over all passes.
    slots:                  of the code memory.
    stream_channels:        of the residual stream; hidden tensors may have more.
    """

    weight_bits: int = 5
    code_bits: int = 6
    image_shape: Tuple[int, int, int] = (32, 32, 3)
    patch: int = 4
    weight_words: int = 6144
    requant_words: int = 1024
    channel_words: int = 512
    table_slots: int = 512
    slots: int = 32
    stream_channels: int = 128
    passes: int = 32

    def __post_init__(self):
        # The greatest product must fit a field of 10 bits beside its neighbours.
        product = ((1 << self.weight_bits - 1) - 1) << self.code_bits - 1
        if product > 511:
            raise ValueError(
                f"the greatest product of {self.weight_bits}-bit weights and {self.code_bits}-bit codes must "
                f"be at most 511, so that four fit a multiplier, not {product}"
            )

    @property
    def tokens(self) -> int:
        rows, columns, _ = self.image_shape
        return rows // self.patch * (columns // self.patch)

    @property
    def token_groups(self) -> int:
        return self.tokens // COLUMNS

    @property
    def patch_values(self) -> int:
        return self.patch * self.patch * self.image_shape[2]

    @property
    def pixel_slots(self) -> int:
        """Slots of one image; two images have room, at the beginning of the code memory."""
        return -(-self.patch_values // SLOT_CHANNELS)

    @property
    def max_fan_in(self) -> int:
        """What last_step can count, and what an accumulator of 18 bits holds."""
        return 256

    @property
    def weight_lanes(self) -> int:
        return -(-ROWS * self.weight_bits // 32)

    @property
    def sections(self) -> Tuple[Section, ...]:
        return (
            Section("fields", 1, 4),  # LAYOUT_MAGIC, shift of the mean - 1, channels of the classifier - 1, 0
            Section("passes", DESCRIPTOR_LANES, self.passes),
            Section("weights", self.weight_lanes, self.weight_words),
            Section("requant", 1, self.requant_words),
            Section("affine", 2, self.channel_words),
            Section("add", 2, self.channel_words),
            Section("function", 2, self.channel_words),
            Section("tables", 1, self.table_slots * MAX_ENTRIES // 2),
            Section("classifier_weights", 1, 16 * self.stream_channels),
            Section("classifier_bias", 1, 16),
        )

    @property
    def parameter_bytes(self) -> int:
        return 4 * sum(section.words for section in self.sections)


ARRAY = ArrayFormat()  # of the engine resmlp_array: four products of 5 and 6 bits a multiplier


def packed_fields(layout: Tuple[Tuple[str, int], ...], values: Dict[str, int]) -> int:
    """The number that holds the values in the order of the layout, the first in the lowest bits."""
    word = offset = 0
    for name, width in layout:
        assert 0 <= values[name] < 1 << width, (name, values[name])
        word |= values[name] << offset
        offset += width
    return word
