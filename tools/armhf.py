"""The board's package on an emulated 32-bit ARM, compared with this machine.

qemu-user emulates Debian's armhf in a directory of its own, which debootstrap fills: the numpy there has the
default integers and pointers of a board's. It has no pynq, so what is compared is what needs none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple

from tools.computed import computed

ROOT = Path(__file__).resolve().parents[1]
SUITE, PACKAGES = "bookworm", "python3-minimal,python3-numpy"
BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-arm")
TIMEOUT_S = 3600


class Comparison(NamedTuple):
    """What the emulated machine has, and which results differ from those of this machine, of how many."""

    python: str
    numpy: str
    different: List[str]
    count: int


def missing() -> List[str]:
    """Return what an emulated machine needs and is not at hand."""
    needed = {
        "root's rights": os.geteuid() == 0,
        "debootstrap": shutil.which("debootstrap") is not None,
        f"{BINFMT} (qemu-user-static, binfmt-support)": BINFMT.is_file(),
    }
    return [name for name, at_hand in needed.items() if not at_hand]


def compare(wheel: Path, directory: Path) -> Comparison:
    """Compute with the wheel in an emulated machine in ``directory``, and here, and compare.

    The machine is made if it is not there yet. Raises RuntimeError if that fails.
    """
    machine = directory / "machine"
    if not (directory / ".made").exists():
        shutil.rmtree(machine, ignore_errors=True)
        arguments = ["--arch=armhf", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(machine)]
        _call(["debootstrap", *arguments])
        (directory / ".made").touch()
    place = machine / "opt" / "lst_overlay"
    shutil.rmtree(place, ignore_errors=True)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place)
    shutil.copy(ROOT / "tools" / "computed.py", place)
    networks = _networks(ROOT / "driver" / "lst_overlay" / "samples" / "networks", ROOT / "networks")
    for path in networks:
        shutil.copy(path, place)
    inside = [f"/opt/lst_overlay/{path.name}" for path in networks]
    emulated = json.loads(_emulated(machine, "/opt/lst_overlay/computed.py", *inside))
    python, numpy = _emulated(
        machine, "-c", "import platform, numpy; print(platform.python_version(), numpy.__version__)"
    ).split()
    return Comparison(python, numpy, different(computed(map(str, networks)), emulated), len(emulated))


def different(here: Dict[str, str], there: Dict[str, str]) -> List[str]:
    """Return the names of what differs, or is on one machine alone."""
    return sorted(name for name in {*here, *there} if here.get(name) != there.get(name))


def _networks(*directories: Path) -> List[Path]:
    return [path for directory in directories for path in sorted(directory.glob("*.npz"))]


def _emulated(machine: Path, *arguments: str) -> str:
    return _call(["chroot", str(machine), "python3", *arguments])


def _call(command: List[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout.strip()
