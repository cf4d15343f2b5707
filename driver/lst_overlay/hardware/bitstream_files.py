"""Where the bitstream of this board lies, and what its .hwh says, before pynq or the hardware is touched."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Dict, List, Union
from xml.etree import ElementTree

from ..errors import BitstreamError
from ..registers import ABI_VERSION, BY_NAME
from .capabilities import Capabilities

VLNV = "lst-overlay:user:accelerator:1.0"
DEFAULT_STEM = "pixel_serial-loadable"
SIMULATED = "simulated"  # the name of the simulated board's pynq device, and of its directory
DEFAULT_BOARD = "zybo_z7_10"
_PACKAGE = Path(__file__).resolve().parents[1]


def board_name(device) -> str:
    """The directory under bitstreams/: 'simulated', else the variable BOARD of PYNQ's images, 'Zybo-Z7-10' -> 'zybo_z7_10'."""
    if is_simulated(device):
        return SIMULATED
    return re.sub(r"[^a-z0-9]+", "_", os.environ.get("BOARD", "").lower()).strip("_") or DEFAULT_BOARD


def is_simulated(device) -> bool:
    return getattr(device, "name", None) == SIMULATED


def search_roots() -> List[Path]:
    """The installed package's own bitstreams, then those of the checkout that the package is part of."""
    roots = [_PACKAGE / "bitstreams"]
    if _PACKAGE.parent.name == "driver":
        roots.append(_PACKAGE.parents[1] / "bitstreams")
    return roots


def find_bitfile(bitfile: Union[str, os.PathLike, None], device) -> Path:
    """The absolute path of the .bit; its .hwh lies beside it. BitstreamError names the file that is missing."""
    stem = DEFAULT_STEM if bitfile is None else os.fspath(bitfile)
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
            command = ("make simulator" if board == SIMULATED else "make bitstream") + (
                "" if stem == DEFAULT_STEM else f" ENGINE={engine} NETWORK={network}"
            )
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
    return bitfile.with_suffix(".hwh")


def network_of(bitfile: Union[str, Path]) -> Path:
    """The network file of a bitstream that has its network built in."""
    return Path(bitfile).with_suffix(".npz")


def find_network(bitfile: Path) -> Path:
    """The same, which must be there: without it nothing says what the hardware computes."""
    path = network_of(bitfile)
    if not path.is_file():
        raise BitstreamError(
            f"{bitfile} has its network built in, and no file says which: {path} must lie beside it with the same stem; "
            f"copy it along with the .bit and the .hwh, it was written with them"
        )
    return path


def read_parameters(hwh: Path) -> Dict[str, str]:
    """PARAMETERs of our accelerator. Read here because pynq caches a .hwh by the hash of the .bit alone."""
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
    """A decimal or 0x number among ``parameters``. BitstreamError if it is missing or is none."""
    try:
        return int(parameters[name], 0)
    except KeyError:
        raise BitstreamError(f"{hwh}: the accelerator has no parameter {name}") from None
    except ValueError:
        raise BitstreamError(f"{hwh}: parameter {name} must be a number, not {parameters[name]!r}") from None


def check_abi(version: int, where: str) -> None:
    """BitstreamError unless the design speaks this driver's version of the registers."""
    if version != ABI_VERSION:
        raise BitstreamError(
            f"{where} has ABI version {version}, this driver knows {ABI_VERSION}: "
            "update lst-overlay, or build the bitstream again"
        )


def capabilities(parameters: Dict[str, str], hwh: Path) -> Capabilities:
    """What the .hwh says of the design, which its registers must read too. BitstreamError for another ABI version."""
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
    """Compare the .bit with the SHA-256 in its .hwh. Nothing is compared if the .hwh was written without one."""
    expected = parameters.get("BITSTREAM_SHA256")
    found = hashlib.sha256(bitfile.read_bytes()).hexdigest()
    if expected is not None and found != expected:
        raise BitstreamError(
            f"{bitfile}: damaged, or not the bitstream that {hwh_of(bitfile).name} describes "
            f"(SHA-256 {found[:16]}..., described {expected[:16]}...)"
        )
