"""The contract that every family of networks keeps: what a network offers, and what its family declares."""

from __future__ import annotations

import abc
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Callable, ClassVar, Dict, List, Optional, Tuple, Type

import numpy as np

from .. import html
from .archive import Arrays, NetworkError, hash_of
from .values import Value, json_object, whole

MAX_SIDE = 1 << 16  # of an image, in pixels
MAX_LAYERS = 1 << 16
# The names of the classes of data sets whose networks do not carry them.
CLASS_NAMES = {
    "cifar10": (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> None:
    """Raise NetworkError unless files may be named after it."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NetworkError(
            "a network's name must be 1 to 64 of letters, digits, '.', '_', '-', "
            f"and begin with a letter or digit, not {name!r}"
        )


def accuracy_text(percent) -> Optional[str]:
    """The accuracy that a provenance records, None if it records no number."""
    return f"{percent:.2f} % in integers" if isinstance(percent, (int, float)) else None


class Network(Value, abc.ABC):
    """An integer network of any family: uint8 images in, integer logits out.

    A network is a value: its arrays are read-only, and networks with the same content hash are equal. The
    class of a family's networks is a dataclass with frozen=True and eq=False.

    name: files are named after it: 1 to 64 letters, digits, '.', '_', '-', the first a letter or a digit.
    kind: the architecture, such as "LST-1" or "ResMLP".
    image_shape: of one image, (rows, columns) or (rows, columns, colours).
    provenance: free-form JSON: seed, recipe, dataset, accuracies, tool versions, class_names.
    """

    name: str
    kind: str
    image_shape: Tuple[int, ...]
    provenance: Dict
    declaration: ClassVar[Family]

    def __post_init__(self):
        check_name(self.name)
        if not isinstance(self.kind, str):
            raise NetworkError(f"kind must be a name, not {self.kind!r}")
        self._set(
            image_shape=tuple(whole("a side of image_shape", size, 1, MAX_SIDE) for size in self.image_shape),
            provenance=json_object("provenance", self.provenance),
        )

    def _identity(self) -> tuple:
        return (self.content_hash,)

    def _repr_html_(self) -> str:
        recorded = self.provenance
        shown = {
            "architecture": f"{self.kind}, {self.parameters:,} parameters",
            "images": " x ".join(map(str, self.image_shape)),
            "classes": ", ".join(self.class_names),
            "trained on": recorded.get("dataset"),
            "accuracy": accuracy_text(recorded.get("accuracy_integer")),
            "content hash": self.content_hash[:16],
        }
        return html.table(f"network {self.name}", {key: value for key, value in shown.items() if value})

    @property
    def family(self) -> str:
        """The name that the family declares: "lst" or "resmlp"."""
        return self.declaration.name

    @property
    @abc.abstractmethod
    def classes(self) -> int:
        """The number of logits."""

    @property
    def class_names(self) -> Tuple[str, ...]:
        """The name of each class as the provenance has it, else as its data set has it, else its number."""
        names = self.provenance.get("class_names")
        if isinstance(names, list) and len(names) == self.classes and all(isinstance(n, str) for n in names):
            return tuple(names)
        dataset = self.provenance.get("dataset")
        names = CLASS_NAMES.get(dataset, ()) if isinstance(dataset, str) else ()
        return names if len(names) == self.classes else tuple(str(number) for number in range(self.classes))

    @property
    @abc.abstractmethod
    def parameters(self) -> int:
        """The number of trained numbers that the network holds."""

    @property
    @abc.abstractmethod
    def logit_step(self) -> float:
        """The real value of a logit of 1."""

    @cached_property
    def content_hash(self) -> str:
        """The network's identity: sha256, in hexadecimal, over the header and the arrays of its file.

        It is computed once; a network that was read from a file has the hash that was checked in reading.
        """
        return hash_of(*self.declaration.encode(self))


@dataclass(frozen=True)
class Family:
    """What a family declares. The class of its networks finds the rest here.

    versions: the versions of the network file that hold networks of this family, and of no other.
    encode: a network -> header and arrays of its file; decode: the way back.
    logits: (network, (N, *image_shape) uint8 images) -> (N, classes) int64.
    outputs: (network, images) -> an integer array for each layer, what the layer gives for the images, the
        logits last.
    with_golden: (network, image) -> the network with that image and its outputs inside; None if the file
        has no place for them.
    engines: for each loadable engine of the family, by its name, a function: a network -> (n,) uint32, what
        LOAD sends; NetworkError if the engine cannot hold the network.
    """

    name: str
    versions: Tuple[int, ...]
    network: Type[Network]
    encode: Callable[[Network], Tuple[Dict, Arrays]]
    decode: Callable[[Dict, Arrays], Network]
    logits: Callable[[Network, np.ndarray], np.ndarray]
    outputs: Callable[[Network, np.ndarray], List[np.ndarray]]
    with_golden: Optional[Callable[[Network, np.ndarray], Network]] = None
    engines: Dict[str, Callable[[Network], np.ndarray]] = field(default_factory=dict)

    def __post_init__(self):
        self.network.declaration = self

    def parameters(self, engine: str, network: Network) -> np.ndarray:
        """(n,) uint32, what LOAD sends to a loadable engine so that it holds the network.

        Raises NetworkError, with rule and value, if it cannot; the message names the engines that can.
        """
        if engine not in self.engines:
            known = ", ".join(self.engines) or "none"
            raise NetworkError(
                f"engine {engine} is none that this driver can load with {self.name} networks ({known}): "
                "update lst-overlay"
            )
        try:
            return self.engines[engine](network)
        except NetworkError as error:
            able = self.able(network)
            if not able:
                raise
            raise NetworkError(f"{error}: engine {' or '.join(able)} takes it") from None

    def able(self, network: Network) -> List[str]:
        """The names of the loadable engines that can hold the network."""

        def holds(engine: str) -> bool:
            try:
                self.engines[engine](network)
            except NetworkError:
                return False
            return True

        return [engine for engine in self.engines if holds(engine)]


def check_family(network: Network, family: str) -> None:
    """Raise NetworkError unless the network belongs to the family."""
    if network.family != family:
        raise NetworkError(
            f"network {network.name!r} ({network.kind}) is of the family {network.family}, "
            f"where one of the family {family} is needed: open_overlay(network=...) takes a bitstream for it"
        )
