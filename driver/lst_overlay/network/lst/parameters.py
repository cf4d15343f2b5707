"""The parameters of the engine pixel_serial: what the LOAD command reads from memory."""

from __future__ import annotations

import zlib
from typing import Dict, List

import numpy as np

from ..family import Network, check_family
from .layers import MAX_INDEX_WIDTH, MAX_INDEX_WIDTH_PER_CHANNEL, Activation, Axis, LSTNetwork
from .passes import Pass, Program, blocks, program, vector_clocks
from .serial_format import (
    BLOCK,
    CLASS_LANES,
    DESCRIPTOR,
    DESCRIPTOR_LANES,
    FIELDS,
    LAYOUT_MAGIC,
    MAX_LENGTHS,
    PASSES,
    ROUNDS,
    packed,
    sections,
)

PARAMETER_BYTES = 8 * -(-sum(section.words for section in sections(MAX_LENGTHS)) // 2)


def parameter_words(network: Network) -> np.ndarray:
    """An LST network -> (n,) uint32, at most PARAMETER_BYTES, as the pixel-serial engine reads them.

    Raises NetworkError if the engine cannot hold the network.
    """
    check_family(network, "lst")
    found = program(network)
    arrays: Dict[str, np.ndarray] = {}
    for axis in (Axis.ROWS, Axis.COLUMNS):
        layers = [layer for layer in network.layers if layer.axis is axis]
        name = axis.value
        arrays[f"{name}_passes"] = _descriptors(network, found.passes[axis])
        arrays[f"{name}_weights"] = np.concatenate([layer.weights_q.ravel() for layer in layers])
        arrays[f"{name}_bias"] = np.concatenate([layer.bias_q for layer in layers])
        arrays[f"{name}_table"] = np.concatenate([_table_words(layer.activation) for layer in layers])
    arrays["classifier_weights"], arrays["classifier_bias"] = _classifier(network, found)
    lengths = {name: arrays[name].size - 1 for name in MAX_LENGTHS if name in arrays}
    lengths.update(
        {f"{axis}_blocks": arrays[f"{axis}_table"].size // BLOCK - 1 for axis in ("rows", "columns")},
        class_words=arrays["classifier_weights"].shape[1] - 1,
    )
    arrays["fields"] = np.array([LAYOUT_MAGIC, *_fields(network, found, lengths)])
    words = np.concatenate([arrays[section.name].reshape(section.words) for section in sections(lengths)])
    return (words & 0xFFFFFFFF).astype("<u4")


def parameter_crc(words: np.ndarray) -> int:
    """CRC-32 (IEEE 802.3, as zlib) of parameters: what the hardware's NETWORK_HASH reads after LOAD."""
    return zlib.crc32(np.ascontiguousarray(words, dtype="<u4").tobytes())


def _fields(network: LSTNetwork, found: Program, lengths: Dict[str, int]) -> List[int]:
    rows, columns = network.image_shape
    values = {
        "last_row": rows - 1,
        "last_column": columns - 1,
        "pixel_shift": 8 - network.pixel_bits,
        "image_beats": -(-rows * columns // 8),
        "last_class": network.classes - 1,
        "last_logit": CLASS_LANES * found.rounds - 1,
        **lengths,
    }
    return [packed(layout, values) for layout in FIELDS]


def _descriptors(network: LSTNetwork, passes: List[Pass]) -> np.ndarray:
    """(DESCRIPTOR_LANES, PASSES): the words of the list of passes of one array."""
    numbers, weights, bias, block = [0] * PASSES, 0, 0, 0
    first = {}
    for layer in dict.fromkeys(item.layer for item in passes):
        first[layer] = (weights, bias, block)
        weights += network.layers[layer].weights_q.size
        bias += network.layers[layer].fan_out
        block += blocks(network.layers[layer])
    for place, item in enumerate(passes):
        layer, (output, outputs) = network.layers[item.layer], item.outputs
        weights, bias, block = first[item.layer]
        values = {
            "last_input": layer.fan_in - 1,
            "last_vector": item.vectors - 1,
            "idle": vector_clocks(layer) - layer.fan_in,
            "last_but_one": vector_clocks(layer) - 2,
            "first_output": output,
            "last_output": outputs - 1,
            "weights": weights + output * layer.fan_in,
            "bias": bias + output,
            "block": block,
            "shift": layer.activation.shift,
            "per_channel": layer.activation.per_channel,
            **item.fields,
        }
        numbers[place] = packed(DESCRIPTOR, values)
    return np.array(
        [[number >> 32 * lane & 0xFFFFFFFF for number in numbers] for lane in range(DESCRIPTOR_LANES)]
    )


def _classifier(network: LSTNetwork, found: Program):
    """(CLASS_LANES, words) weights, round after round, and (CLASS_LANES * ROUNDS,) biases.

    The weights of a round are in the order in which the last columns layer emits its codes: part after part,
    in a part column after column.
    """
    dense, columns = network.layers[-1], network.layers[-2]
    parts = [
        item.outputs for item in found.passes[Axis.COLUMNS] if item.fields["classifies"] and not item.round_
    ]
    places = np.arange(dense.fan_in).reshape(columns.fan_out, -1)
    order = np.concatenate([places[first : first + count].T.ravel() for first, count in parts])
    missing = CLASS_LANES * found.rounds - network.classes
    weights = np.pad(dense.weights_q[:, order], ((0, missing), (0, 0)))
    weights = weights.reshape(found.rounds, CLASS_LANES, -1).transpose(1, 0, 2).reshape(CLASS_LANES, -1)
    return weights, np.pad(dense.bias_q, (0, CLASS_LANES * ROUNDS - network.classes))


def _table_words(activation: Activation) -> np.ndarray:
    """The words of a layer's tables.

    The engine's index always has the greatest width. A narrower index saturates by repeated entries at both
    ends.
    """
    full_width = MAX_INDEX_WIDTH_PER_CHANNEL if activation.per_channel else MAX_INDEX_WIDTH
    half, full_half = 1 << (activation.index_width - 1), 1 << (full_width - 1)
    index = np.clip(np.arange(-full_half, full_half), -half, half - 1)
    return activation.table_q[..., index + half].ravel()
