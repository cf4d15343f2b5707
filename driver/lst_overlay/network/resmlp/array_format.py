"""What an array of multipliers can hold, and the layout of its parameters, which LOAD sends.

Parameters are little-endian 32-bit words, section after section; the gateware walks the same list. Words of
a memory that are wider are in lanes: lane n holds the bits from 32 n on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

from ..sections import Section
from .packing import Packing

LAYOUT_MAGIC = 0x31504D52  # "RMP1", the first word
COLUMNS = 16  # of a tile: the array's outputs at a time
MULTIPLIERS = 64  # their results leave the array one after another
ROW_STEP = 8  # a multiplier has two rows, o and o + ROW_STEP of a group of 16
WEIGHT_ADDRESS_BITS = 14
WEIGHT_DEPTH = 2048  # words of a block RAM of weights, the deepest whose words have 9 bits
MAX_FAN_IN = 256  # what last_step can count, and what an accumulator holds
SLOT_CHANNELS = 16  # a slot of the code memory holds so many channels of all tokens
STREAM_BITS = 8  # of the residual stream, and of everything between a matrix and the function
UNIT_SHIFT = 16  # a requantisation multiplies by weight * 2**(UNIT_SHIFT - shift)
MAX_ENTRIES = 64  # of a channel's table
MIN_TABLE_SHIFT = 2  # codes between two entries of a table: 2**2 .. 2**5
CLASSES = 10

DESCRIPTOR_LANES = 4


@dataclass(frozen=True)
class ArrayFormat(Packing):
    """The widths of an array, and what its memories hold.

    weight_bits, code_bits, products: of `Packing`; pixels and the mean have code_bits, too.
    image_shape, patch:     tokens are a multiple of 16, and 16 groups of a power of two.
    weight_words:           words of the weights of a tile's rows.
    requant_words:          pairs of rows, over all passes.
    channel_words:          of affines, adds and functions each: words of two lanes, over all passes, and one.
    table_slots:            tables of column_lanes channels each, over all passes.
    slots:                  of the code memory.
    stream_channels:        of the residual stream; hidden tensors may have more.
    """

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
        super().__post_init__()
        if self.code_bits > STREAM_BITS:
            raise ValueError(f"code_bits must be at most {STREAM_BITS}, not {self.code_bits}")
        if self.weight_words % WEIGHT_DEPTH or not 0 < self.weight_words <= 1 << WEIGHT_ADDRESS_BITS:
            raise ValueError(
                f"weight_words must be a multiple of {WEIGHT_DEPTH}, at most {1 << WEIGHT_ADDRESS_BITS}, "
                f"not {self.weight_words}"
            )

    @property
    def row_pairs(self) -> int:
        """Pairs of rows of a tile: a multiplier for each of them and each of its columns.

        Two tiles of 4 pairs make a group of 16 rows: the first has the rows 0 .. 3 and 8 .. 11.
        """
        return MULTIPLIERS * self.column_lanes // COLUMNS

    @property
    def rows(self) -> int:
        return 2 * self.row_pairs

    @property
    def lanes(self) -> List[Tuple[int, int]]:
        """(channel lane, token lane) of the results that leave the array in one clock.

        Rows are channels where the matrix sums over channels, else tokens. Their lane 1 is ROW_STEP on, the
        columns' lane 1 is the next column. With one column in a multiplier, the lanes are those of the rows.
        """
        return [(0, 0), (0, 1), (1, 0), (1, 1)] if self.column_lanes == 2 else [(0, 0), (1, 1)]

    @property
    def descriptor(self) -> Tuple[Tuple[str, int], ...]:
        """A pass in the sequencer's memory, lowest bits first."""
        channel_address = (self.channel_words - 1).bit_length()
        return (
            ("in_slot", 5),
            ("out_slot", 5),
            ("over_tokens", 1),  # the matrix sums over tokens: rows are tokens, columns channels
            ("columns_outer", 1),  # all rows of a column group come before the next column group
            ("last_step", 8),  # fan_in - 1
            ("last_but_one", 8),  # clocks of a tile - 2
            ("last_row_group", (MAX_FAN_IN // self.rows - 1).bit_length()),
            ("last_column_group", 4),
            ("weights", WEIGHT_ADDRESS_BITS),  # addresses of the first words of the pass
            ("requant", (self.requant_words - 1).bit_length()),
            ("affine", channel_address),
            ("add", channel_address),
            ("function", channel_address),
            ("has_affine", 1),
            ("has_add", 1),
            ("has_function", 1),
            ("has_table", 1),
            ("table_slot", (self.table_slots - 1).bit_length()),
            ("table_shift", 2),
            ("relu", 1),
            ("writes_stream", 1),
            ("writes_codes", 1),
            ("is_last", 1),
            ("wait", 9),  # idle clocks before the first step
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
    def weight_lanes(self) -> int:
        return -(-self.rows * self.weight_bits // 32)

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


ARRAY = ArrayFormat()  # four products of 5 and 6 bits a multiplier
# Two products of 8 bits a multiplier: half the rows at a time, and words for one channel in place of two.
INT8 = ArrayFormat(8, 8, products=2, weight_words=12_288, channel_words=1024, table_slots=768)
H2 = ArrayFormat(weight_words=12_288, table_slots=64)  # h = 2 with ReLU: memory of tables became weights'
ARRAYS = {"resmlp_array": ARRAY, "resmlp_array_int8": INT8, "resmlp_array_h2": H2}  # of each engine


def packed_fields(layout: Tuple[Tuple[str, int], ...], values: Dict[str, int]) -> int:
    """The number that holds the values in the order of the layout, the first in the lowest bits."""
    word = offset = 0
    for name, width in layout:
        assert 0 <= values[name] < 1 << width, (name, values[name])
        word |= values[name] << offset
        offset += width
    return word
