"""Digests of everything that the board's package computes without a board, to compare two machines.

`python computed.py NETWORK...` prints them as JSON. It needs numpy and `lst_overlay` alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from typing import Dict, Iterable

import numpy as np

from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.network import NetworkError, classify, load_network, logits, parameter_words
from lst_overlay.registers import ResultMode

IMAGES = 50
LAYOUTS = ((1, 0), (2, 0), (4, 0), (2, 2), (4, 4))  # ports, bits


def computed(networks: Iterable[str]) -> Dict[str, str]:
    """Return a digest for the results of each network, each layout of images and each kind of results."""
    random, found = np.random.default_rng(0), {}
    for path in networks:
        network = load_network(path)
        images = random.integers(0, 256, (IMAGES, *network.image_shape), dtype=np.uint8)
        answers = logits(network, images)
        found[f"{network.name}: logits"] = digest(answers)
        found[f"{network.name}: classes"] = digest(classify(answers))
        with suppress(NetworkError):  # Only a network for the loadable engine has parameters.
            found[f"{network.name}: parameters"] = digest(parameter_words(network))
    for ports, bits in LAYOUTS:
        layout = ImageLayout((28, 28), ports, bits)
        buffers = [np.zeros((IMAGES, layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
        layout.fill(random.integers(0, 256, (IMAGES, 784), dtype=np.uint8), buffers)
        found[f"images of {bits or 8} bits over {ports} ports"] = digest(*buffers)
    record = ResultRecord(10, 10)
    for mode in ResultMode:
        raw = random.integers(0, 10, record.bytes(mode, IMAGES), dtype=np.uint8)
        if mode == ResultMode.LOGITS:
            raw.view(record.dtype)["number"] = np.arange(IMAGES)
        found[f"results of mode {int(mode)}"] = digest(record.unpack(mode, raw, IMAGES))
    return found


def digest(*arrays: np.ndarray) -> str:
    """Hash types, shapes and values; the types as well, since a default integer has 32 bits on the board."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    print(json.dumps(computed(sys.argv[1:])))
