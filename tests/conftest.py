"""What tests of several packages share."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import BUILT

# Simulated bitstreams and libraries for where the tools that build them are not installed (tools/matrix.py).
PREBUILT = os.environ.get("LST_PREBUILT")


def simulated_bitstream(directory, engine="pixel_serial", network=None):
    """The .bit of a verilated design, in ``directory`` with all that belongs to it; a library is built once per design and kept."""
    if PREBUILT is None:
        from gateware.simulator.bitstream import build_simulated_bitstream

        return build_simulated_bitstream(engine, network, directory, libraries=BUILT)
    stem = f"{engine}-{network.name if network else 'loadable'}"
    directory.mkdir(exist_ok=True)
    for path in [*Path(PREBUILT).glob(f"{stem}.*"), *Path(PREBUILT).glob(f"lib{stem}-*")]:
        shutil.copy(path, directory)
    return directory / f"{stem}.bit"


def declared_engines():
    """The engines' declarations, or what tools/matrix.py wrote of them."""
    if PREBUILT is None:
        from gateware.designs import ENGINES

        return list(ENGINES.values())
    return [SimpleNamespace(**spec) for spec in json.loads((Path(PREBUILT) / "engines.json").read_text())]


def simulator_library(verilog):
    """The library of a Verilog file of the tests."""
    if PREBUILT is None:
        from gateware.simulator.build import build_library

        return build_library(verilog, BUILT)
    return next(Path(PREBUILT).glob(f"lib{verilog.stem}-*"))


@pytest.fixture(scope="session")
def simulated_bit(tmp_path_factory):
    """The .bit of the pixel-serial design."""
    return simulated_bitstream(tmp_path_factory.mktemp("simulated"))
