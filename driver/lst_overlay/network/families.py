"""One door for every family: a network file in, a network out, and the reference that computes it.

A new family is a folder beside `lst` and `resmlp` with a `FAMILY` of its own, and its entry in `FAMILIES`.
"""

from __future__ import annotations

from typing import List

import numpy as np

from . import lst, resmlp
from .archive import decoded, read_archive, write_archive
from .family import Network

FAMILIES = (lst.FAMILY, resmlp.FAMILY)
_OF_VERSION = {version: family for family in FAMILIES for version in family.versions}


def load_network(path) -> Network:
    """Read a network file of either family.

    Raises FileNotFoundError, or NetworkFileError with one line that says what is wrong.
    """
    header, arrays, content = read_archive(path, newest=max(_OF_VERSION))
    network = decoded(path, _OF_VERSION[header["version"]].decode, header, arrays)
    network.__dict__["content_hash"] = content  # the property finds it there: nothing is hashed again
    return network


def save_network(network: Network, path) -> str:
    """Write the file, whole or not at all. Returns the content hash."""
    return write_archive(path, *network.declaration.encode(network))


def content_hash(network: Network) -> str:
    """The network's identity, as `Network.content_hash` gives it."""
    return network.content_hash


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    """(N, *image_shape) uint8 images -> (N, classes) int64, the raw accumulators of the last layer."""
    return network.declaration.logits(network, images)


def outputs(network: Network, images: np.ndarray) -> List[np.ndarray]:
    """(N, *image_shape) uint8 images -> the codes after each layer, (N, ...) integers, the logits last."""
    return network.declaration.outputs(network, images)


def classify(logits_q: np.ndarray) -> np.ndarray:
    """(N, classes) logits -> (N,) int64 classes: the lowest index of the largest logit."""
    return np.argmax(logits_q, axis=1).astype(np.int64)  # argmax gives the processor's default integer


def with_golden(network: Network, image: np.ndarray) -> Network:
    """The network with one image and its outputs inside, by which other implementations can be checked.

    image: (*image_shape,) uint8. A family whose file has no place for it gives the network as it is.
    """
    add = network.declaration.with_golden
    return network if add is None else add(network, image)
