"""An evaluator written from docs/number_formats.md (NF) and docs/programmers_guide.md (PG) alone."""
import hashlib
import json
import zlib

import numpy as np

INDEX_BITS = {1: 10, 2: 8}  # PG 4: what a table is widened to: one for the layer, or one for each channel


def read_network(path):
    """The header of a network file of version 1 or 2 (NF 5), with the arrays as int64 in its layers."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    stored = arrays.pop("header").tobytes()
    network = json.loads(stored)
    if network["format"] != "lst-overlay-network" or network["version"] not in (1, 2):
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


def parameter_image(network):
    """The LST-1 parameter image (PG 4, NF 6); its CRC-32 is network_hash."""
    if network["kind"] != "LST-1":
        raise ValueError(f"{network['name']} is of kind {network['kind']}: there is an image of LST-1 only")
    rows, columns, classifier = network["layers"]
    stages = rows, columns
    shifts = [stage["activation"]["shift"] for stage in stages]
    per_channel = [stage["table_q"].ndim == 2 for stage in stages]
    sections = [np.array([0x3254534C, *shifts, 8 - network["pixel_bits"], *per_channel])]
    for layer in stages:
        table = layer["table_q"]
        wider = (2 ** INDEX_BITS[table.ndim] - table.shape[-1]) // 2  # entries missing at each end
        table = np.pad(table, [(0, 0)] * (table.ndim - 1) + [(wider, wider)], "edge").ravel()
        sections += [layer["weights_q"], layer["bias_q"], np.pad(table, (0, 28 * 256 - table.size))]
    # W[c, p * 28 + o] is number o * 28 + p of its class.
    by_column = classifier["weights_q"].reshape(10, 28, 28).transpose(0, 2, 1)
    sections += [by_column, classifier["bias_q"]]
    return np.concatenate([section.ravel() for section in sections]).astype("<i4").tobytes()


def network_hash(network):
    """What the register NETWORK_HASH reads when this network is loaded (PG 4)."""
    return zlib.crc32(parameter_image(network))


def results(memory, count, mode):
    """Result memory (PG 5) -> classes (mode 0), or logits and classes, image numbers checked (mode 1)."""
    if mode == 0:
        return np.frombuffer(memory, np.uint8, count)
    record = np.frombuffer(memory, [("logits", "<i4", 10), ("class", "<i4"), ("number", "<u4")], count)
    if not np.array_equal(record["number"], np.arange(count)):
        raise ValueError("the image numbers do not ascend from 0")
    return record["logits"], record["class"]
