"""Another evaluator of ResMLP network files: plain Python integers, written from docs/number_formats.md."""
import hashlib
import json
from types import SimpleNamespace

import numpy as np

MEMBERS = {"matrix": ("weights_q", "shift", "bias_q"), "affine": ("weights_q", "shift", "bias_q"),
           "table": ("table_q",), "add": ("weights_q", "shift", "bias_q"), "mean": (),
           "classifier": ("weights_q", "shift", "bias_q")}


def read(path):
    """Header and layers of a network file, version 3 or 4, its hash checked."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    stored = arrays.pop("header").tobytes()
    header = json.loads(stored)
    digest = hashlib.sha256(b"{" + stored[stored.index(b",") + 1:])
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    assert header["format"] == "lst-overlay-network" and header["version"] in (3, 4)
    assert header["content_sha256"] == digest.hexdigest()
    for number, entry in enumerate(header["layers"]):
        for member in MEMBERS[entry["layer"]]:
            name = f"layer{number}.{member}"
            absent = [0] * len(entry["weights_q"]) if "weights_q" in entry else None
            entry[member] = arrays[name].tolist() if name in arrays else absent
        entry.setdefault("bits", 8)
    header.setdefault("pixel_bits", 8)
    header["layers"] = [SimpleNamespace(**entry) for entry in header["layers"]]
    return SimpleNamespace(**header)


def sat(x, bits, relu=False):
    half = 1 << bits - 1
    return max(0 if relu else -half, min(half - 1, x))


def rs(a, r):
    return (a + (1 << (r - 1))) >> r if r else a


def pixels(image, patch, bits):
    """Nested lists (rows, columns, colours) -> tokens of codes."""
    colours = range(len(image[0][0]))
    return [[(image[r + i][c + j][k] - 128) // 2 ** (8 - bits)
             for i in range(patch) for j in range(patch) for k in colours]
            for r in range(0, len(image), patch) for c in range(0, len(image[0]), patch)]


def matrix(layer, x):
    weights, shifts, biases = layer.weights_q, layer.shift, layer.bias_q
    def product(vector):
        sums = [sum(w * v for w, v in zip(row, vector)) for row in weights]
        return [sat(rs(acc, r) + b, layer.bits, layer.relu) for acc, r, b in zip(sums, shifts, biases)]
    if layer.axis == "channels":
        return [product(token) for token in x]
    return [list(token) for token in zip(*[product(channel) for channel in zip(*x)])]


def affine(layer, x):
    numbers = list(zip(layer.weights_q, layer.shift, layer.bias_q))
    return [[sat(rs(w * v, r) + b, layer.bits) for v, (w, r, b) in zip(token, numbers)] for token in x]


def table(layer, x, bits):
    entries = layer.table_q
    stride = 2 ** bits // len(entries[0])

    def value(row, v):
        m, part = divmod(v + 2 ** (bits - 1), stride)
        following = row[min(m + 1, len(row) - 1)]
        return row[m] + rs((following - row[m]) * part, stride.bit_length() - 1)
    return [[value(row, v) for row, v in zip(entries, token)] for token in x]


def outputs(network, image):
    """What `read` returns, and a (rows, columns, colours) uint8 image -> each layer's output as lists."""
    found, bits = [pixels(image.tolist(), network.patch, network.pixel_bits)], network.pixel_bits
    for layer in network.layers:
        x, kind = found[-1], layer.layer
        if kind == "add":
            added = affine(layer, found[layer.source + 1])
            found.append([[sat(v + z, layer.bits) for v, z in zip(*tokens)]
                          for tokens in zip(x, added)])
        elif kind == "mean":
            found.append([sat(rs(sum(channel), layer.shift), layer.bits) for channel in zip(*x)])
        elif kind == "classifier":
            rows = zip(layer.weights_q, layer.shift, layer.bias_q)
            found.append([rs(sum(w * v for w, v in zip(row, x)), r) + b for row, r, b in rows])
        elif kind == "table":
            found.append(table(layer, x, bits))
        else:
            found.append({"matrix": matrix, "affine": affine}[kind](layer, x))
        bits = layer.bits
    return found[1:]
