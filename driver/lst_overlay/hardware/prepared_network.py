"""A network made ready for an accelerator: the parameters for LOAD and the value of NETWORK_HASH."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Union

import numpy as np

from ..network import Network, check_family, load_network, parameter_crc
from ..samples import shipped_networks


class PreparedNetwork(NamedTuple):
    """A network with the values that the hardware needs.

    words: (n,) uint32, the parameters that LOAD sends to a loadable engine; None if the network is built in.
    hash:  the value of NETWORK_HASH when this network is in the hardware.
    """

    network: Network
    words: Optional[np.ndarray]
    hash: int


def built_in_hash(network: Network) -> int:
    """Return NETWORK_HASH of a design with ``network`` built in: the first 32 bits of its content hash."""
    return int(network.content_hash[:8], 16)


def read_network(network: Union[str, os.PathLike, Network]) -> Network:
    """Return a network, given that, the path of its file, or the name of a shipped one.

    Raises TypeError for another type, FileNotFoundError, and NetworkFileError for an invalid file.
    """
    if isinstance(network, Network):
        return network
    if not isinstance(network, (str, os.PathLike)):
        raise TypeError(
            f"a network is a path, a shipped network's name or a Network, not {type(network).__name__}"
        )
    return load_network(shipped_networks.find(network))


def prepare(
    network: Union[str, os.PathLike, Network], family: str, engine: str, loadable: bool
) -> PreparedNetwork:
    """Read and check a network before anything is sent to the hardware.

    network: as `read_network` takes it.
    family:  the family of the networks that the engine takes.
    engine:  the engine's name. Of a loadable engine it says what the parameters are.

    Raises what `read_network` raises, and NetworkError if the network is of another family or a loadable
    engine cannot hold it.
    """
    network = read_network(network)
    check_family(network, family)
    if not loadable:
        return PreparedNetwork(network, None, built_in_hash(network))
    words = network.declaration.parameters(engine, network)
    return PreparedNetwork(network, words, parameter_crc(words))
