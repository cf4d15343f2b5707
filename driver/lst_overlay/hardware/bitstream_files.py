"""The files of a bitstream: where they are and what the .hwh says.

Neither pynq nor the hardware is needed.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union
from xml.etree import ElementTree

from ..errors import BitstreamError
from ..registers import ABI_VERSION, BY_NAME
from ..samples import shipped_networks
from .capabilities import Capabilities

VLNV = "lst-overlay:user:accelerator:1.0"
DEFAULT_STEM = "pixel_serial-loadable"  # what `make bitstream` writes if no engine is named
LOADABLE = "loadable"  # the part of a stem that is otherwise the name of the built-in network
SIMULATED = "simulated"  # The name of the simulated board's pynq device and of its directory.
DEFAULT_BOARD = "zybo_z7_10"
_PACKAGE = Path(__file__).resolve().parents[1]


class Description(NamedTuple):
    """The properties of a design that its .hwh states.

    family:     of the networks that the engine takes.
    network:    the name of the shipped network that a loadable engine gets if none is named; None if none.
    divisors:   FCLK0 may run at 1000 MHz / (d0 * d1) at most.
    build_hash: the value of register BUILD_HASH.
    cycles_per_image: the interval of a long batch; 0 if the .hwh does not state it.
    """

    engine: str
    family: str
    network: Optional[str]
    capabilities: Capabilities
    build_hash: int
    divisors: Tuple[int, ...]
    cycles_per_image: int


def board_name(device) -> str:
    """Return the board's directory under bitstreams/.

    It is 'simulated', or made from the variable BOARD of PYNQ's images: 'Zybo-Z7-10' gives 'zybo_z7_10'.
    """
    if is_simulated(device):
        return SIMULATED
    return re.sub(r"[^a-z0-9]+", "_", os.environ.get("BOARD", "").lower()).strip("_") or DEFAULT_BOARD


def is_simulated(device) -> bool:
    """Whether a pynq device is the simulated board."""
    return getattr(device, "name", None) == SIMULATED


def search_roots() -> List[Path]:
    """The directories that hold bitstreams: the installed package's, then that of a checkout around it."""
    roots = [_PACKAGE / "bitstreams"]
    if _PACKAGE.parent.name == "driver":
        roots.append(_PACKAGE.parents[1] / "bitstreams")
    return roots


def find_bitfile(bitfile: Union[str, os.PathLike, None], device, default: str) -> Path:
    """Find a .bit by path or by stem (None: the stem ``default``) and return its absolute path.

    Raises BitstreamError that names the missing file if the .bit or the .hwh beside it does not exist,
    TypeError for a bitfile of another type.
    """
    if bitfile is not None and not isinstance(bitfile, (str, os.PathLike)):
        raise TypeError(f"bitfile must be a path or the stem of a .bit, not {type(bitfile).__name__}")
    stem = default if bitfile is None else os.fspath(bitfile)
    if bitfile is not None and (os.sep in stem or stem.endswith(".bit")):
        path = Path(bitfile).expanduser().resolve()
        if not path.is_file():
            raise BitstreamError(f"no bitstream at {path}")
    else:
        board = board_name(device)
        sought = [root / board / f"{stem}.bit" for root in search_roots()]
        found = [path for path in sought if path.is_file()]
        if not found:
            engine, _, network = stem.partition("-")
            command = "make simulator" if board == SIMULATED else "make bitstream"
            command += "" if stem == DEFAULT_STEM else f" ENGINE={engine}"
            command += "" if network == LOADABLE else f" NETWORK={network}"
            raise BitstreamError(
                f"no bitstream for board {board!r}: sought {' and '.join(str(path) for path in sought)}; "
                f"`{command}` in a checkout writes it, bitfile= names another"
            )
        path = found[0]
    hwh = hwh_of(path)
    if not hwh.is_file():
        others = sorted(other.name for other in path.parent.glob("*.hwh"))
        raise BitstreamError(
            f"{path} has no hardware description: {hwh.name} must lie beside it with the same stem "
            f"(there: {', '.join(others) or 'no .hwh at all'})"
        )
    return path


def hwh_of(bitfile: Path) -> Path:
    """The path of the .hwh that belongs to a .bit."""
    return bitfile.with_suffix(".hwh")


def network_of(bitfile: Union[str, Path]) -> Path:
    """The path of the network file of a bitstream that has its network built in."""
    return Path(bitfile).with_suffix(".npz")


def find_network(bitfile: Path) -> Path:
    """Return the path of the network file of a bitstream that has its network built in.

    Raises BitstreamError if the file does not exist: only this file says what the hardware computes.
    """
    path = network_of(bitfile)
    if not path.is_file():
        raise BitstreamError(
            f"{bitfile} has its network built in, and no file says which: {path} must lie beside it "
            "with the same stem; copy it along with the .bit and the .hwh, it was written with them"
        )
    return path


def describe(bitfile: Path) -> Description:
    """Read the .hwh of a .bit. Raises BitstreamError if it is damaged or describes another bitstream."""
    hwh = hwh_of(bitfile)
    parameters = read_parameters(hwh)
    check_bitfile(bitfile, parameters)
    stated = "CYCLES_PER_IMAGE" in parameters
    return Description(
        cycles_per_image=integer_parameter(parameters, "CYCLES_PER_IMAGE", hwh) if stated else 0,
        build_hash=integer_parameter(parameters, "BUILD_HASH", hwh),
        capabilities=capabilities(parameters, hwh),
        divisors=tuple(integer_parameter(parameters, f"DIVISOR{i}", hwh) for i in range(2)),
        engine=parameters.get("ENGINE", "?"),
        # The first engines' .hwh files name neither.
        family=parameters.get("FAMILY", "lst"),
        network=parameters.get("NETWORK", shipped_networks.DEFAULT) or None,
    )


def read_parameters(hwh: Path) -> Dict[str, str]:
    """Read the PARAMETER elements of the accelerator from a .hwh.

    pynq's own parser is not used because it caches a .hwh by the hash of the .bit. Raises BitstreamError if
    the file is damaged or describes no accelerator of this project.
    """
    try:
        root = ElementTree.parse(str(hwh)).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise BitstreamError(f"{hwh}: not a hardware description, or damaged ({error})") from None
    modules = {module.get("VLNV", ""): module for module in root.iter("MODULE")}
    if VLNV not in modules:
        raise BitstreamError(
            f"{hwh}: describes no {VLNV}, so its bitstream is not an lst_overlay accelerator "
            f"(found: {', '.join(modules) or 'no module'})"
        )
    return {p.get("NAME", ""): p.get("VALUE", "") for p in modules[VLNV].findall("./PARAMETERS/PARAMETER")}


def integer_parameter(parameters: Dict[str, str], name: str, hwh: Path) -> int:
    """Return parameter ``name``, a decimal or 0x number. BitstreamError if it is missing or not a number."""
    try:
        return int(parameters[name], 0)
    except KeyError:
        raise BitstreamError(f"{hwh}: the accelerator has no parameter {name}") from None
    except ValueError:
        raise BitstreamError(f"{hwh}: parameter {name} must be a number, not {parameters[name]!r}") from None


def check_abi(version: int, where: str) -> None:
    """Raise BitstreamError unless ``version`` is this driver's version of the register table."""
    if version != ABI_VERSION:
        raise BitstreamError(
            f"{where} has ABI version {version}, this driver knows {ABI_VERSION}: "
            "update lst-overlay, or build the bitstream again"
        )


def capabilities(parameters: Dict[str, str], hwh: Path) -> Capabilities:
    """Return the design's capabilities as the .hwh states them; the registers must have the same values.

    Raises BitstreamError for another ABI version, a missing parameter or a layout that no engine has.
    """
    check_abi(integer_parameter(parameters, "ABI_VERSION", hwh), str(hwh))
    fields = {
        register: {
            field.name: integer_parameter(parameters, f"{register}.{field.name}", hwh)
            for field in BY_NAME[register].fields
        }
        for register in ("CAPABILITIES", "IMAGE_SHAPE", "RESULTS")
    }
    try:
        return Capabilities.of(fields)
    except ValueError as error:
        raise BitstreamError(f"{hwh}: {error}") from None


def check_bitfile(bitfile: Path, parameters: Dict[str, str]) -> None:
    """Raise BitstreamError if a .bit does not have the SHA-256 in its .hwh.

    A .hwh without one is accepted.
    """
    expected = parameters.get("BITSTREAM_SHA256")
    found = hashlib.sha256(bitfile.read_bytes()).hexdigest()
    if expected is not None and found != expected:
        raise BitstreamError(
            f"{bitfile}: damaged, or not the bitstream that {hwh_of(bitfile).name} describes "
            f"(SHA-256 {found[:16]}..., described {expected[:16]}...)"
        )
