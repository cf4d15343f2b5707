"""Another evaluator of ResMLP network files: plain Python integers, written from docs/number_formats.md."""
import hashlib
import json
from types import SimpleNamespace

import numpy as np

MEMBERS = {"matrix": ("weights_q", "shift", "bias_q"), "affine": ("weights_q", "shift", "bias_q"),
           "table": ("table_q",), "add": ("weights_q", "shift"), "mean": (),
           "classifier": ("weights_q", "bias_q")}


def read(path):
    """Header and layers of a network file, version 3, its hash checked."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    stored = arrays.pop("header").tobytes()
    header = json.loads(stored)
    digest = hashlib.sha256(b"{" + stored[stored.index(b",") + 1:])
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    assert (header["format"], header["version"]) == ("lst-overlay-network", 3)
    assert header["content_sha256"] == digest.hexdigest()
    for number, entry in enumerate(header["layers"]):
        for member in MEMBERS[entry["layer"]]:
            entry[member] = arrays[f"layer{number}.{member}"].tolist()
    header["layers"] = [SimpleNamespace(**entry) for entry in header["layers"]]
    return SimpleNamespace(**header)


def sat(x, low=-128):
    return max(low, min(127, x))


def rs(a, r):
    return (a + (1 << (r - 1))) >> r


def pixels(image, patch):
    """Nested lists (rows, columns, colours) -> tokens of codes."""
    colours = range(len(image[0][0]))
    return [[image[r + i][c + j][k] - 128 for i in range(patch) for j in range(patch) for k in colours]
            for r in range(0, len(image), patch) for c in range(0, len(image[0]), patch)]


def matrix(layer, x):
    weights, shifts, biases = layer.weights_q, layer.shift, layer.bias_q
    low = 0 if layer.relu else -128

    def product(vector):
        sums = [sum(w * v for w, v in zip(row, vector)) for row in weights]
        return [sat(rs(acc, r) + b, low) for acc, r, b in zip(sums, shifts, biases)]
    if layer.axis == "channels":
        return [product(token) for token in x]
    return [list(token) for token in zip(*[product(channel) for channel in zip(*x)])]


def affine(layer, x):
    numbers = list(zip(layer.weights_q, layer.shift, layer.bias_q))
    return [[sat(rs(w * v, r) + b) for v, (w, r, b) in zip(token, numbers)] for token in x]


def table(layer, x):
    entries = layer.table_q

    def value(row, v):
        m, part = (v + 128) >> 2, (v + 128) & 3
        following = row[m + 1] if m < 63 else row[63]
        return row[m] + rs((following - row[m]) * part, 2)
    return [[value(row, v) for row, v in zip(entries, token)] for token in x]


def outputs(network, image):
    """What `read` returns, and a (rows, columns, colours) uint8 image -> each layer's output as lists."""
    found = [pixels(image.tolist(), network.patch)]
    for layer in network.layers:
        x, kind = found[-1], layer.layer
        if kind == "add":
            numbers = list(zip(layer.weights_q, layer.shift))
            found.append([[sat(v + sat(rs(w * s, r))) for v, s, (w, r) in zip(*tokens, numbers)]
                          for tokens in zip(x, found[layer.source + 1])])
        elif kind == "mean":
            found.append([sat(rs(sum(channel), layer.shift)) for channel in zip(*x)])
        elif kind == "classifier":
            rows = zip(layer.weights_q, layer.bias_q)
            found.append([sum(w * v for w, v in zip(row, x)) + b for row, b in rows])
        else:
            found.append({"matrix": matrix, "affine": affine, "table": table}[kind](layer, x))
    return found[1:]
