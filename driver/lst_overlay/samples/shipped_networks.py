"""The network files that come with the package, by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Optional, Union

from ..network import load_network

DEFAULT = "lst1_w6a4p4"
DIRECTORY = Path(__file__).resolve().parent / "networks"
SUFFIX = ".npz"


def names(family: Optional[str] = None, engine: Optional[str] = None) -> List[str]:
    """The names of the shipped networks: all, those of a family, those that a loadable engine can hold."""

    def wanted(path: Path) -> bool:
        network = load_network(path)
        return family in (None, network.family) and (
            engine is None or engine in network.declaration.able(network)
        )

    return [path.name[: -len(SUFFIX)] for path in sorted(DIRECTORY.glob("*" + SUFFIX)) if wanted(path)]


def find(which: Union[str, os.PathLike]) -> Path:
    """The path of a network file, given its path or the name of a shipped one such as 'lst1_w6a4p4'.

    Raises FileNotFoundError, whose message lists the shipped names.
    """
    path = Path(which).expanduser()
    if path.is_file():
        return path
    shipped = DIRECTORY / f"{which}{SUFFIX}"
    if path.name == str(which) and shipped.is_file():
        return shipped
    raise FileNotFoundError(
        f"no network file {str(which)!r} in {Path.cwd()}; shipped networks: {', '.join(names()) or 'none'}"
    )
