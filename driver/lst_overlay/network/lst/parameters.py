"""Parameters: what the LOAD command reads from memory into a loadable engine.

Little-endian 32-bit words, section after section as `SECTIONS` lists them; the gateware walks the same list.
Numbers narrower than their container are sign-extended here, so the hardware keeps the low bits of each word.
"""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

from ..archive import NetworkError
from ..family import Network, check_family
from ..formats import code_range
from ..sections import Section
from .layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL, Activation, Axis, LSTNetwork

LAYOUT_MAGIC = 0x3254534C  # "LST2", the first word
CODE_WIDTH = 13  # container of weights and activations, the published Q6.7
SIZE = 28  # rows, columns and features of LST-1
CLASSES = 10


SECTIONS = (
    # LAYOUT_MAGIC; the shifts of rows and columns; 8 - pixel_bits; for rows and columns 1 if each channel
    # has a table of its own, else 0.
    Section("fields", 1, 6),
    Section("rows_weights", SIZE, SIZE),
    Section("rows_bias", 1, SIZE),
    Section(
        "rows_table", SIZE, 1 << MAX_INDEX_WIDTH_PER_CHANNEL
    ),  # a table for all channels fills the first four lanes
    Section("columns_weights", SIZE, SIZE),
    Section("columns_bias", 1, SIZE),
    Section("columns_table", SIZE, 1 << MAX_INDEX_WIDTH_PER_CHANNEL),
    Section("classifier_weights", CLASSES, SIZE * SIZE),
    Section("classifier_bias", 1, CLASSES),
)
PARAMETER_BYTES = 4 * sum(section.words for section in SECTIONS)


def parameter_words(network: Network) -> np.ndarray:
    """LST-1 network -> (PARAMETER_BYTES / 4,) uint32 as the pixel-serial engine reads them.

    A network of fewer classes than the engine's is filled up with classes that never win.

    Raises NetworkError if the engine cannot hold the network.
    """
    check_family(network, "lst")
    rows, columns, classifier = lst1_layers(_with_all_classes(network))
    sections = {
        "fields": np.array(
            [
                LAYOUT_MAGIC,
                rows.activation.shift,
                columns.activation.shift,
                8 - network.pixel_bits,
                rows.activation.per_channel,
                columns.activation.per_channel,
            ]
        ),
        "rows_weights": rows.weights_q,
        "rows_bias": rows.bias_q,
        "rows_table": _table_words(rows.activation),
        "columns_weights": columns.weights_q,
        "columns_bias": columns.bias_q,
        "columns_table": _table_words(columns.activation),
        # The columns stage emits column by column, so Y[p, o] reaches the classifier as number o * SIZE + p.
        "classifier_weights": classifier.weights_q.reshape(CLASSES, SIZE, SIZE).transpose(0, 2, 1),
        "classifier_bias": classifier.bias_q,
    }
    words = np.concatenate([sections[section.name].reshape(section.words) for section in SECTIONS])
    return (words & 0xFFFFFFFF).astype("<u4")


def parameter_crc(words: np.ndarray) -> int:
    """CRC-32 (IEEE 802.3, as zlib) of parameters: what the hardware's NETWORK_HASH reads after LOAD."""
    return zlib.crc32(np.ascontiguousarray(words, dtype="<u4").tobytes())


def lst1_layers(network: Network) -> tuple:
    """(rows, columns, classifier) of an LST-1 that today's engines can hold.

    Raises NetworkError for any other network.
    """
    check_family(network, "lst")
    axes = tuple(layer.axis for layer in network.layers)
    shapes = tuple(layer.weights_q.shape for layer in network.layers)
    if axes != (Axis.ROWS, Axis.COLUMNS, Axis.DENSE) or shapes != (
        (SIZE, SIZE),
        (SIZE, SIZE),
        (CLASSES, SIZE * SIZE),
    ):
        raise NetworkError(
            f"network {network.name!r} ({network.kind}) is not an LST-1 of {SIZE}x{SIZE} and {CLASSES} "
            f"classes: its layers are {', '.join(f'{a.value} {s[1]}->{s[0]}' for a, s in zip(axes, shapes))}"
        )
    if any(layer.add is not None for layer in network.layers):
        raise NetworkError(f"network {network.name!r} adds an earlier layer's output, the engine cannot")
    low, high = code_range(CODE_WIDTH)
    for name, layer in zip(("rows", "columns", "classifier"), network.layers):
        codes = [layer.weights_q] + ([layer.activation.table_q] if layer.activation is not None else [])
        for array in codes:
            if array.min() < low or array.max() > high:
                raise NetworkError(
                    f"network {network.name!r}: {name} codes must fit {CODE_WIDTH} bits, "
                    f"found {array.min()}..{array.max()}"
                )
    return network.layers


def _with_all_classes(network: LSTNetwork) -> LSTNetwork:
    """The network with CLASSES classes, of which the added ones come last and never win.

    Their weights are 0, and their bias is the least value that any logit of the network can have. So no added
    class exceeds one of the network, and of equal logits the lower index wins. The range of the accumulators
    stays as it is.
    """
    last, missing = network.layers[-1], CLASSES - network.classes
    if missing <= 0:
        return network
    least, _ = last.acc_bounds(*network.input_ranges[-1])
    weights_q = np.pad(last.weights_q, ((0, missing), (0, 0)))
    bias_q = np.pad(last.bias_q, (0, missing), constant_values=least)
    filled = dataclasses.replace(last, weights_q=weights_q, bias_q=bias_q)
    return dataclasses.replace(network, layers=(*network.layers[:-1], filled))


def _table_words(activation: Activation) -> np.ndarray:
    """The words of a table, zeros after them up to the end of the section.

    The engine's index always has the greatest width. A narrower index saturates by repeated entries at both
    ends.
    """
    full_width = MAX_INDEX_WIDTH_PER_CHANNEL if activation.per_channel else MAX_INDEX_WIDTH
    half, full_half = 1 << (activation.index_width - 1), 1 << (full_width - 1)
    index = np.clip(np.arange(-full_half, full_half), -half, half - 1)
    words = activation.table_q[..., index + half].ravel()
    return np.pad(words, (0, (SIZE << MAX_INDEX_WIDTH_PER_CHANNEL) - words.size))
