"""A ResMLP network as the parameters of an array: checks, schedule, and the words that LOAD sends."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from ..archive import NetworkError
from ..family import check_family
from .array_format import (
    CLASSES,
    COLUMNS,
    DESCRIPTOR_LANES,
    LAYOUT_MAGIC,
    MAX_ENTRIES,
    MAX_FAN_IN,
    MIN_TABLE_SHIFT,
    MULTIPLIERS,
    ROW_STEP,
    SLOT_CHANNELS,
    STREAM_BITS,
    UNIT_SHIFT,
    ArrayFormat,
    packed_fields,
)
from .layers import Add, Affine, Axis, Classifier, Matrix, ResMLPNetwork, Table, greatest_weight
from .passes import Pass, passes

# Clocks from the last step of a tile until the first of its results is written, and from then on one for each
# multiplier.
WRITE_LATENCY = 40
PASS_LATENCY = 4  # Clocks in which the sequencer reads a descriptor and begins its pass.
_IDENTITY = (1 << UNIT_SHIFT, 0)  # (factor, bias)
_NOTHING = (0, 0)


def array_words(network: ResMLPNetwork, fmt: ArrayFormat) -> np.ndarray:
    """A ResMLP network -> (parameter_bytes / 4,) uint32, as an array of the format reads them.

    A network of fewer classes than the array's is filled up with classes that never win.

    Raises NetworkError, with rule and value, if the array cannot hold the network.
    """
    descriptors, memories, tables = _program(network, fmt)
    classifier = _with_all_classes(network.layers[-1])
    channels = classifier.weights_q.shape[1]
    weights = np.zeros((16, fmt.stream_channels), np.int64)
    weights[:CLASSES, :channels] = classifier.weights_q
    bias = np.zeros(16, np.int64)
    bias[:CLASSES] = (classifier.bias_q & 0x3FFFFFF) | classifier.shift << 26
    contents = {
        "fields": np.array([LAYOUT_MAGIC, network.layers[-2].shift - 1, channels - 1, 0]),
        "passes": _words_of([packed_fields(fmt.descriptor, item) for item in descriptors], DESCRIPTOR_LANES),
        "tables": tables.words,
        "classifier_weights": weights,
        "classifier_bias": bias,
        **{name: memory.words for name, memory in memories.items()},
    }
    sections = []
    for section in fmt.sections:
        words = contents[section.name].reshape(-1, section.lanes).T
        sections.append(np.pad(words, ((0, 0), (0, section.depth - words.shape[1]))).ravel())
    return (np.concatenate(sections) & 0xFFFFFFFF).astype("<u4")


def pass_clocks(network: ResMLPNetwork, fmt: ArrayFormat) -> List[int]:
    """The clocks that each of the network's `passes` takes in an array, those before its first step included.

    Their sum is the interval between two images. Raises NetworkError as `array_words` does.
    """
    descriptors, _, _ = _program(network, fmt)
    return [
        PASS_LATENCY + item["wait"] + sum(1 for _ in _tiles(item)) * _tile_clocks(item)
        for item in descriptors
    ]


def _program(
    network: ResMLPNetwork, fmt: ArrayFormat
) -> Tuple[List[Dict[str, int]], Dict[str, _Memory], _Tables]:
    """The descriptor of each pass, and the memories with what the passes read."""
    check_family(network, "resmlp")
    found = passes(network)
    _check_network(network, found, fmt)
    tables = _Tables(fmt)
    memories = {
        "weights": _Memory("words of weights", fmt.weight_words),
        "requant": _Memory("pairs of outputs", fmt.requant_words),
        "affine": _Memory("words of affines", fmt.channel_words, _pair_words([_IDENTITY] * 2)),
        "add": _Memory("words of adds", fmt.channel_words, _pair_words([_NOTHING] * 2)),
        "function": _Memory("words of functions", fmt.channel_words, _pair_words([_IDENTITY] * 2)),
    }
    descriptors = []
    slots = _slots(network, found, fmt)
    for item, following, *ends in zip(found, [*found[1:], None], slots, slots[1:]):
        descriptors.append(_descriptor(item, following, fmt, ends, memories, tables))
    for descriptor, wait in zip(descriptors, _waits(descriptors, fmt)):
        descriptor["wait"] = wait
    return descriptors, memories, tables


# What the array can hold.


def _check_network(network: ResMLPNetwork, found: List[Pass], fmt: ArrayFormat) -> None:
    name = f"network {network.name!r}"
    if network.image_shape != fmt.image_shape or network.patch != fmt.patch:
        raise NetworkError(
            f"{name} takes images of {network.image_shape} in patches of {network.patch}, the array "
            f"{fmt.image_shape} in patches of {fmt.patch}"
        )
    if network.classes > CLASSES:
        raise NetworkError(f"{name} has {network.classes} classes, the array has {CLASSES}")
    if len(found) > fmt.passes:
        raise NetworkError(f"{name} has {len(found)} matrices on tokens, the array takes {fmt.passes}")
    if found[-1].matrix.axis != Axis.CHANNELS:
        raise NetworkError(f"{name}: the mean must follow a matrix over channels, not one over tokens")
    widths = [("pixels", network.pixel_bits, fmt.code_bits), ("mean", network.layers[-2].bits, fmt.code_bits)]
    for item in found:
        for number, layer, bits in _layers_with_widths(item, fmt):
            kind = type(layer).__name__.lower()
            widths.append((f"layer {number} ({kind})", layer.bits, bits))
    for what, bits, needed in widths:
        if bits != needed:
            raise NetworkError(f"{name}: {what} must have codes of {needed} bits, not {bits}")
    for item, bits in zip(found, _input_bits(network, found)):
        if bits != fmt.code_bits:
            raise NetworkError(
                f"{name}: layer {item.number} (matrix) takes codes of {bits} bits, the array {fmt.code_bits}"
            )
    for number, layer in enumerate(network.layers):
        _check_layer(f"{name}: layer {number}", layer, network.input_bits[number], fmt)


def _layers_with_widths(item: Pass, fmt: ArrayFormat):
    """(number, layer, the width that its output must have) of a pass."""
    layers = [layer for layer in (item.matrix, item.affine, item.add) if layer is not None]
    if item.function is not None:
        layers.append(item.function)
    last = len(layers) - 1
    for place, layer in enumerate(layers):
        is_code = place == last and not item.is_last and layer is not item.add
        is_code &= item.function is not None or not item.is_stored
        yield item.number + place, layer, fmt.code_bits if is_code else STREAM_BITS


def _input_bits(network: ResMLPNetwork, found: List[Pass]) -> List[int]:
    return [network.input_bits[item.number] for item in found]


def _check_layer(what: str, layer, input_bits: int, fmt: ArrayFormat) -> None:
    if isinstance(layer, (Matrix, Classifier)):
        largest, greatest = int(np.abs(layer.weights_q).max()), greatest_weight(fmt.weight_bits)
        if largest > greatest:
            raise NetworkError(
                f"{what} has weights of up to {largest}, those of the array have {fmt.weight_bits} bits, "
                f"-{greatest}..{greatest}"
            )
    if isinstance(layer, Matrix):
        fan_out, fan_in = layer.weights_q.shape
        if fan_in > MAX_FAN_IN:
            raise NetworkError(f"{what} has a fan_in of {fan_in}, the array sums up to {MAX_FAN_IN}")
        if layer.axis == Axis.TOKENS and fan_out != fmt.tokens:
            raise NetworkError(f"{what} computes {fan_out} tokens, the array {fmt.tokens}")
    if isinstance(layer, Table):
        entries = layer.table_q.shape[1]
        if not (1 << input_bits) >> MIN_TABLE_SHIFT + 3 <= entries <= MAX_ENTRIES:
            raise NetworkError(f"{what} has tables of {entries} entries, the array takes 8 to {MAX_ENTRIES}")


# The memories.


class _Memory:
    """The words of a section, filled from the first address on."""

    def __init__(self, name: str, room: int, *first):
        self.name, self.room, self.entries = name, room, list(first)

    def add(self, entries) -> int:
        """Append entries and return the address of the first."""
        address = len(self.entries)
        self.entries += entries
        if len(self.entries) > self.room:
            raise NetworkError(f"the array has room for {self.room} {self.name}, the network needs more")
        return address

    @property
    def words(self) -> np.ndarray:
        return np.array(self.entries, np.int64)


class _Tables:
    """The words of tables: an entry of each memory.

    A table has its even entries in one memory, its odd ones in another. With four products in a multiplier, a
    slot holds the tables of the channels 2 n and 2 n + 1, each in the memories of its parity, c3 ^ c0; with
    two products it holds the table of one channel.
    """

    def __init__(self, fmt: ArrayFormat):
        self.channels = fmt.column_lanes  # of a slot
        self.slots = fmt.table_slots
        self.bytes = np.zeros((fmt.table_slots, MAX_ENTRIES // 2, 4), np.uint8)
        self.used = 0

    def add(self, table_q: np.ndarray) -> int:
        first = self.used
        self.used += _round_up(len(table_q), SLOT_CHANNELS) // self.channels
        if self.used > self.slots:
            room = self.channels * self.slots
            raise NetworkError(f"the array has tables for {room} channels, the network needs more")
        for channel, entries in enumerate(table_q):
            slot, parity = divmod(channel ^ (channel >> 3 & self.channels - 1), self.channels)
            for odd in (0, 1):
                half = entries[odd::2]
                self.bytes[first + slot, : len(half), 2 * parity + odd] = half & 0xFF
        return first

    @property
    def words(self) -> np.ndarray:
        return np.ascontiguousarray(self.bytes).view("<u4").astype(np.int64)


def _pair_words(pair: List[Tuple[int, int]]) -> Tuple[int, int]:
    """Two channels' (factor, bias): the factor in 24 bits, the bias in 8."""
    return tuple((factor & 0xFFFFFF) | (bias & 0xFF) << 24 for factor, bias in pair)


def _words_of(numbers: List[int], words: int) -> np.ndarray:
    """Numbers of ``words`` 32-bit words, the lowest first."""
    return np.array([number >> 32 * place & 0xFFFFFFFF for number in numbers for place in range(words)])


def _padded(array: np.ndarray, count: int, value: int = 0) -> np.ndarray:
    return np.concatenate([array, np.full((count - len(array), *array.shape[1:]), value, array.dtype)])


def _round_up(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _weights(matrix: Matrix, fmt: ArrayFormat) -> np.ndarray:
    """The words of a matrix, (groups of rows x fan_in, weight_lanes).

    A multiplier takes w0 + w1 * 2**n. Its bits are those of w0 and, if w0 is negative, of w1 - 1.
    """
    weights = _padded(matrix.weights_q, _round_up(len(matrix.weights_q), SLOT_CHANNELS))
    tiles = weights.reshape(-1, 2, ROW_STEP // fmt.row_pairs, fmt.row_pairs, weights.shape[1])
    groups = tiles.transpose(0, 2, 4, 3, 1)  # group of 16 rows, tile, step, pair, half
    fields = np.stack([groups[..., 0], groups[..., 1] - (groups[..., 0] < 0)], axis=-1)
    fields &= (1 << fmt.weight_bits) - 1
    bits = (fields.reshape(-1, fmt.rows, 1) >> np.arange(fmt.weight_bits) & 1).astype(np.uint8)
    bits = bits.reshape(len(bits), -1)
    bits = np.pad(bits, ((0, 0), (0, 32 * fmt.weight_lanes - bits.shape[1])))
    packed = np.packbits(bits, axis=1, bitorder="little")
    return packed.view("<u4").astype(np.int64)


def _requant(matrix: Matrix) -> np.ndarray:
    """For each pair of rows: shift - 1 (4 bits) and bias (8 bits) of the first, then of the second."""
    count = _round_up(len(matrix.weights_q), SLOT_CHANNELS)
    rows = (_padded(matrix.shift, count, 1) - 1) | (_padded(matrix.bias_q, count) & 0xFF) << 4
    low, high = rows.reshape(-1, 2, ROW_STEP).swapaxes(0, 1)
    return (low | high << 12).ravel()


def _channel_pairs(layer, over_tokens: bool, fmt: ArrayFormat) -> List[Tuple[int, int]]:
    """The words of an affine's or add's channels, in the pairs in which a pass computes them.

    Where the results of a clock are two tokens of one channel, that is in both lanes.
    """
    count = _round_up(len(layer.weights_q), SLOT_CHANNELS)
    factors = _padded(layer.weights_q, count) << UNIT_SHIFT - _padded(layer.shift, count, 1)
    numbers = list(zip(factors.tolist(), _padded(layer.bias_q, count).tolist()))
    if over_tokens:
        step = fmt.column_lanes
        pairs = [(channel, channel + step - 1) for channel in range(0, count, step)]
    else:
        pairs = [(channel, channel + ROW_STEP) for channel in range(count) if not channel & ROW_STEP]
    return [_pair_words([numbers[channel] for channel in pair]) for pair in pairs]


def _with_all_classes(classifier: Classifier) -> Classifier:
    """The classifier with CLASSES classes; those added have weights 0 and a bias below every logit."""
    missing = CLASSES - len(classifier.weights_q)
    if missing <= 0:
        return classifier
    least = int((classifier.bias_q - np.abs(classifier.weights_q).sum(axis=1) * 128).min())
    return Classifier(
        _padded(classifier.weights_q, CLASSES),
        _padded(classifier.bias_q, CLASSES, least - 1),
        classifier.step,
        _padded(classifier.shift, CLASSES),
        classifier.weight_bits,
    )


# The schedule.


def _slots(network: ResMLPNetwork, found: List[Pass], fmt: ArrayFormat) -> List[int]:
    """The first slot of the codes that each pass takes, and of those that the last would write.

    The passes use two regions alternately, behind the pixels of two images.
    """
    channels = max(item.channels for item in found)
    size = -(-channels // SLOT_CHANNELS)
    first = 2 * fmt.pixel_slots
    if first + 2 * size > fmt.slots:
        room = (fmt.slots - first) // 2 * SLOT_CHANNELS
        raise NetworkError(
            f"network {network.name!r} has codes of {channels} channels, the array has room for {room}"
        )
    stream = max(item.channels for item in found if item.is_stored or item.is_last)
    if stream > fmt.stream_channels:
        raise NetworkError(
            f"network {network.name!r} adds or averages {stream} channels, the array {fmt.stream_channels}"
        )
    return [0] + [first + size * (number % 2) for number in range(len(found))]


def _descriptor(
    item: Pass,
    following: Optional[Pass],
    fmt: ArrayFormat,
    slots: Tuple[int, int],
    memories: Dict[str, _Memory],
    tables: _Tables,
) -> Dict[str, int]:
    """The fields of a pass but for ``wait``. Its parameters are appended to the memories."""
    matrix = item.matrix
    fan_out, fan_in = matrix.weights_q.shape
    over_tokens = matrix.axis == Axis.TOKENS
    has_table = isinstance(item.function, Table)
    function = None if has_table else item.function

    def address(name: str, layer: Optional[Union[Affine, Add]]) -> int:
        return 0 if layer is None else memories[name].add(_channel_pairs(layer, over_tokens, fmt))

    return {
        "in_slot": slots[0],
        "out_slot": slots[1],
        "over_tokens": int(over_tokens),
        # The order in which a group of what the next pass sums over is complete early.
        "columns_outer": int(following is not None and following.matrix.axis == matrix.axis),
        "last_step": fan_in - 1,
        "last_but_one": max(fan_in, MULTIPLIERS) - 2,
        "last_row_group": _groups(fan_out) * COLUMNS // fmt.rows - 1,
        "last_column_group": _groups(item.channels if over_tokens else fmt.tokens) - 1,
        "weights": memories["weights"].add(_weights(matrix, fmt).tolist()),
        "requant": memories["requant"].add(_requant(matrix).tolist()),
        "affine": address("affine", item.affine),
        "add": address("add", item.add),
        "function": address("function", function),
        "has_affine": int(item.affine is not None),
        "has_add": int(item.add is not None),
        "has_function": int(function is not None),
        "has_table": int(has_table),
        "table_slot": tables.add(item.function.table_q) if has_table else 0,
        "table_shift": _table_shift(item.function) - MIN_TABLE_SHIFT if has_table else 0,
        "relu": int(matrix.relu),
        "writes_stream": int(item.is_stored),
        "writes_codes": int(not item.is_last),
        "is_last": int(item.is_last),
    }


def _groups(count: int) -> int:
    """Groups of 16 channels or tokens: those that a step reads, and that a slot holds."""
    return -(-count // COLUMNS)


def _table_shift(table: Table) -> int:
    """The k of a table: it has an entry for every 2**k-th code."""
    return STREAM_BITS + 1 - table.table_q.shape[1].bit_length()


def _waits(descriptors: List[Dict[str, int]], fmt: ArrayFormat) -> List[int]:
    """For each pass the clocks to wait after the last tile of the pass before it.

    A pass must not read a code before it is written, and the results of two tiles must not leave the array
    at the same time.
    """
    waits = []
    for number, item in enumerate(descriptors):
        before = descriptors[number - 1]  # the first pass follows the last of the image before
        wait = MULTIPLIERS + before["last_step"] - before["last_but_one"] - 2 - item["last_step"]
        if number:
            written, end = {}, 0
            for clock, tile in _tiles(before):
                block = _block(before, tile, fmt)
                written[block] = clock + before["last_step"] + WRITE_LATENCY + MULTIPLIERS - 1
                end = clock + _tile_clocks(before)
            groups = fmt.token_groups if item["over_tokens"] else _groups(item["last_step"] + 1)
            for clock, (_, column) in _tiles(item):
                for group in range(groups):
                    block = (column, group) if item["over_tokens"] else (group, column)
                    wait = max(wait, written[block] - end - clock - SLOT_CHANNELS * group)
        waits.append(max(wait, 0))
    return waits


def _tiles(item: Dict[str, int]) -> Iterator[Tuple[int, Tuple[int, int]]]:
    """(first clock, (row group, column group)) of each tile of a pass, in their order."""
    rows, columns = range(item["last_row_group"] + 1), range(item["last_column_group"] + 1)
    if item["columns_outer"]:
        order = [(row, column) for column in columns for row in rows]
    else:
        order = [(row, column) for row in rows for column in columns]
    for number, tile in enumerate(order):
        yield number * _tile_clocks(item), tile


def _tile_clocks(item: Dict[str, int]) -> int:
    return item["last_but_one"] + 2


def _block(item: Dict[str, int], tile: Tuple[int, int], fmt: ArrayFormat) -> Tuple[int, int]:
    """(channel group, token group) of the results of a tile. Tiles of fewer rows share a block."""
    row, column = tile
    row = row * fmt.rows // COLUMNS
    return (column, row) if item["over_tokens"] else (row, column)
