"""The board's package on an emulated 32-bit ARM, compared with this machine.

qemu-user runs Debian's Python and numpy for armhf, which have the default integers and pointers of a board's.
They are unpacked into a directory of their own, for which no root's rights are needed. There is no pynq among
them, so what is compared is what needs none (`tools.computed`). `make matrix` does it, too.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from tools import board_package
from tools.computed import computed

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "matrix" / "armhf"
PACKAGES = ("python3-minimal", "python3-numpy")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCE = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian bookworm main\n"
EMULATORS = ("qemu-arm-static", "qemu-arm")
PYTHON, LIBRARIES = "usr/bin/python3.11", "usr/lib/arm-linux-gnueabihf"
TIMEOUT_S = 1800


def emulator() -> Optional[str]:
    return next(filter(None, map(shutil.which, EMULATORS)), None)


def missing() -> List[str]:
    """Return what is needed and not at hand."""
    needed = {
        "qemu-arm-static (Debian: apt install qemu-user-static)": emulator(),
        "apt-get": shutil.which("apt-get"),
        "dpkg-deb": shutil.which("dpkg-deb"),
        f"{KEYRING} (apt install debian-archive-keyring)": KEYRING.is_file(),
    }
    return [name for name, at_hand in needed.items() if not at_hand]


def compare() -> Dict[str, Any]:
    """Compute on the emulated machine and here; return the figures of the page.

    The machine is made if it is not there yet. Raises RuntimeError if that fails.
    """
    machine = WORK / "machine"
    if not (WORK / ".made").exists():
        _make(machine)
        (WORK / ".made").touch()
    directories = (ROOT / "driver" / "lst_overlay" / "samples" / "networks", ROOT / "networks")
    networks = [str(path) for directory in directories for path in sorted(directory.glob("*.npz"))]
    there = json.loads(_emulated(machine, str(ROOT / "tools" / "computed.py"), *networks))
    versions = "import platform, numpy; print(platform.python_version(), numpy.__version__)"
    python, numpy = _emulated(machine, "-c", versions).split()
    return {
        "python": python,
        "numpy": numpy,
        "machine": platform.machine(),
        "results": len(there),
        "different": different(computed(networks), there),
    }


def different(here: Dict[str, str], there: Dict[str, str]) -> List[str]:
    """Return the names of what differs, or is on one machine alone."""
    return sorted(name for name in {*here, *there} if here.get(name) != there.get(name))


def _make(machine: Path) -> None:
    """Unpack Debian's packages for armhf, with all that they need."""
    shutil.rmtree(WORK, ignore_errors=True)
    for name in ("state/lists/partial", "cache/archives/partial", "machine"):
        (WORK / name).mkdir(parents=True)
    (WORK / "status").touch()
    (WORK / "sources.list").write_text(SOURCE)
    (WORK / "apt.conf").write_text(
        f'Dir::State "{WORK}/state"; Dir::State::status "{WORK}/status"; Dir::Cache "{WORK}/cache";\n'
        f'Dir::Etc::sourcelist "{WORK}/sources.list"; Dir::Etc::sourceparts "/dev/null";\n'
        'APT::Architecture "armhf"; APT::Architectures { "armhf"; }; APT::Sandbox::User "";\n'
    )
    apt = {"APT_CONFIG": str(WORK / "apt.conf")}
    _call(["apt-get", "update"], apt)
    _call(["apt-get", "--yes", "--no-install-recommends", "--download-only", "install", *PACKAGES], apt)
    for package in sorted((WORK / "cache" / "archives").glob("*.deb")):
        _call(["dpkg-deb", "--extract", str(package), str(machine)])


def _emulated(machine: Path, *arguments: str) -> str:
    """Return what the emulated Python prints."""
    libraries = ":".join(str(machine / LIBRARIES / name) for name in ("blas", "lapack"))
    settings = {"PYTHONHOME": machine / "usr", "PYTHONPATH": ROOT / "driver", "LD_LIBRARY_PATH": libraries}
    options = [part for name, value in settings.items() for part in ("-E", f"{name}={value}")]
    return _call([emulator(), "-L", str(machine), *options, str(machine / PYTHON), *arguments])


def _call(command: List[str], environment: Optional[Dict[str, str]] = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def run() -> bool:
    """Compare, keep the figures and print them, or print what is missing. False if something differs."""
    needed = missing()
    if needed:
        print(f"armhf: skipped: needs {', '.join(needed)}")
        return True
    figures = compare()
    board_package.keep("armhf", figures)
    print(
        "armhf: Python {python}, numpy {numpy}: {results} results; different: {different}".format(**figures)
    )
    return not figures["different"]


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
