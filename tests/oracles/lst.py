"""Another evaluator of network files: plain Python integers and fxpmath, written from docs/number_formats.md.

It shares no code with the project, on purpose; `lst_overlay.network` must give the same logits.
"""
import hashlib
import io
import json
import zipfile
from operator import mul

import numpy as np
from fxpmath import Fxp


def read(path):
    """Network file -> (header, {member: nested lists of Python integers}). Checks the content hash."""
    with zipfile.ZipFile(path) as archive:
        arrays = {name[:-len(".npy")]: np.load(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    stored = arrays.pop("header").tobytes()
    digest = hashlib.sha256(b"{" + stored[stored.index(b",") + 1:])
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    header = json.loads(stored)
    if header["content_sha256"] != digest.hexdigest():
        raise ValueError(f"{path}: content hash {digest.hexdigest()} is not the header's")
    return header, {name: array.tolist() for name, array in arrays.items()}


class Evaluator:
    """One network file. `logits(image)`: nested lists of pixels 0..255 -> list of Python integers."""

    def __init__(self, path):
        self.header, self.arrays = read(path)

    def logits(self, image):
        x = [[p >> (8 - self.header["pixel_bits"]) for p in row] for row in image]
        together = self.header.get("rows_per_vector", 1)
        x = [flattened(x[first:first + together]) for first in range(0, len(x), together)]
        outputs = []
        for number, layer in enumerate(self.header["layers"]):
            weights, bias = self.arrays[f"layer{number}.weights_q"], self.arrays[f"layer{number}.bias_q"]
            if layer["axis"] == "dense":
                acc = dot(weights, bias, flattened(x))
            elif layer["axis"] == "rows":
                acc = [dot(weights, bias, row) for row in x]
            else:
                acc = transposed([dot(weights, bias, column) for column in transposed(x)])
            if layer["activation"] is None:
                return acc
            x = activate(acc, layer["axis"], layer["activation"], self.arrays[f"layer{number}.table_q"])
            if "add" in layer:
                x = added(x, outputs[layer["add"]])
            outputs.append(x)
        raise ValueError("the last layer has an activation")


def dot(weights, bias, x):
    return [sum(map(mul, row, x)) + b for row, b in zip(weights, bias)]


def transposed(matrix):
    return [list(column) for column in zip(*matrix)]


def flattened(x):
    return [code for row in x for code in row] if isinstance(x[0], list) else x


def added(x, y):
    return [added(a, b) for a, b in zip(x, y)] if isinstance(x, list) else x + y


def activate(acc, axis, activation, tables):
    """Shift and saturation are fxpmath's: an accumulator with `shift` fraction bits becomes the index."""
    scaled = np.array(acc, dtype=np.float64) / 2 ** activation["shift"]
    width = activation["index_width"]
    index = Fxp(scaled, signed=True, n_word=width, n_frac=0, rounding="floor", overflow="saturate").val
    first = 2 ** (activation["index_width"] - 1)

    def output(channel, i):
        table = tables[channel] if isinstance(tables[0], list) else tables
        return table[int(i) + first]

    if axis == "dense":
        return [output(o, i) for o, i in enumerate(index)]
    if axis == "rows":
        return [[output(o, i) for o, i in enumerate(row)] for row in index]
    return [[output(p, i) for i in row] for p, row in enumerate(index)]
