"""An evaluator written from docs/number_formats.md (NF) and docs/programmers_guide.md (PG) alone."""
import hashlib
import json

import numpy as np


def read_network(path):
    """The header of a network file of version 1, 2 or 5 (NF 5), with the arrays as int64 in its layers."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    stored = arrays.pop("header").tobytes()
    network = json.loads(stored)
    if network["format"] != "lst-overlay-network" or network["version"] not in (1, 2, 5):
        raise ValueError(f"{path}: format {network['format']!r}, version {network['version']!r} is unknown")
    digest = hashlib.sha256(b"{" + stored[stored.index(b",") + 1:])  # NF 5: content_sha256 is the first key
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    if digest.hexdigest() != network["content_sha256"]:
        raise ValueError(f"{path}: content hash {digest.hexdigest()}, stored {network['content_sha256']}")
    for number, layer in enumerate(network["layers"]):
        for key in ("weights_q", "bias_q", "table_q")[:3 if layer["activation"] else 2]:
            layer[key] = arrays[f"layer{number}.{key}"].astype(np.int64)
    return network


def logits(network, images):
    """(N, 28, 28) uint8 -> (N, 10) int32, exactly (NF 2 and 3)."""
    value = images.astype(np.int64) >> (8 - network["pixel_bits"])
    count, rows, columns = images.shape
    together = network.get("rows_per_vector", 1)
    value = value.reshape(count, rows // together, columns * together)
    outputs = []
    for layer in network["layers"]:
        weights, bias = layer["weights_q"], layer["bias_q"]
        channel = np.arange(layer["fan_out"])  # NF 3: o of rows, p of columns, c of dense
        if layer["axis"] == "columns":
            channel = channel[:, None]
            value = weights @ value + bias[:, None]
        else:
            value = value.reshape(-1, layer["fan_in"]) if layer["axis"] == "dense" else value
            value = value @ weights.T + bias
        if layer["activation"]:
            table, half = layer["table_q"], 2 ** (layer["activation"]["index_width"] - 1)
            index = np.clip(value >> layer["activation"]["shift"], -half, half - 1) + half
            value = table[index] if table.ndim == 1 else table[channel, index]
        if "add" in layer:  # NF 3, sums: not requantised, and a sum is itself what a later layer adds
            value = value + outputs[layer["add"]]
        outputs.append(value)
    return value.astype(np.int32)


def pixels(memory, second, count, packed_bits):
    """Pixel memory (PG 5) -> (count, 28, 28) uint8. second: the other port's buffer, for 4 bits only."""
    if packed_bits == 0:
        return np.frombuffer(memory, np.uint8, count * 784).reshape(count, 28, 28)
    shifts = np.arange(0, 56, packed_bits, dtype=np.uint64)  # a row: 7 bytes of pixels, the leftmost lowest
    buffers = [memory, second] if packed_bits == 4 else [memory]
    rows = [np.frombuffer(buffer, "<u8", count * 28).reshape(count, 28, 1) >> shifts for buffer in buffers]
    codes = np.concatenate(rows, axis=2) & np.uint64(2 ** packed_bits - 1)
    return (codes << np.uint64(8 - packed_bits)).astype(np.uint8)


def results(memory, count, mode):
    """Result memory (PG 5) -> classes (mode 0), or logits and classes, image numbers checked (mode 1)."""
    if mode == 0:
        return np.frombuffer(memory, np.uint8, count)
    record = np.frombuffer(memory, [("logits", "<i4", 10), ("class", "<i4"), ("number", "<u4")], count)
    if not np.array_equal(record["number"], np.arange(count)):
        raise ValueError("the image numbers do not ascend from 0")
    return record["logits"], record["class"]
