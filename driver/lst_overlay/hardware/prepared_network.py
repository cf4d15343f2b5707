"""A network as an accelerator has it: what LOAD must send, and what NETWORK_HASH must then read."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Union

import numpy as np

from ..network import Network, load_network, parameter_crc, parameter_words
from ..samples import shipped_networks


class PreparedNetwork(NamedTuple):
    """``words``: (n,) uint32 parameters of a loadable engine, None of a built-in network."""

    network: Network
    words: Optional[np.ndarray]
    hash: int


def built_in_hash(network: Network) -> int:
    """NETWORK_HASH of a design with ``network`` built in: the first 32 bits of its content hash."""
    return int(network.content_hash[:8], 16)


def prepare(network: Union[str, os.PathLike, Network], loadable: bool) -> PreparedNetwork:
    """A path, the name of a shipped network or a Network, everything checked before the hardware is touched.

    Raises TypeError, NetworkFileError, NetworkError if the engine cannot hold it.
    """
    if not isinstance(network, Network):
        if not isinstance(network, (str, os.PathLike)):
            raise TypeError(
                f"a network is a path, a shipped network's name or a Network, not {type(network).__name__}"
            )
        network = load_network(shipped_networks.find(network))
    if not loadable:
        return PreparedNetwork(network, None, built_in_hash(network))
    words = parameter_words(network)
    return PreparedNetwork(network, words, parameter_crc(words))
