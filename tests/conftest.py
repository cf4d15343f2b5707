"""What tests of several packages share."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import BUILT, ROOT

# Simulated bitstreams and libraries for where the tools that build them are not installed (tools/matrix.py).
PREBUILT = os.environ.get("LST_PREBUILT")
# Files whose tests share no fixture that takes long to make: each test goes to the worker that is free.
SCATTERED = (
    "tests/gateware/shell/formal/test_formal.py",
    "tests/gateware/toolchain/test_yosys.py",
    "tests/test_end_to_end.py",
    "tests/test_notebooks.py",
)
# What takes minutes starts first, so that no worker is left alone with it at the end.
LONGEST = (
    "tests/docs/test_pages_run.py",
    "tests/test_end_to_end.py",
    "tests/gateware/toolchain/test_yosys.py",
    "tests/gateware/engines/test_built_in_top.py",
    "tests/driver/test_built_in.py",
    "tests/model/training",
    "tests/gateware/shell/formal",
    "tests/gateware/engines/test_built_in_pipelines.py",
    "tests/model",
    "tests/driver",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """With -n 2 --dist loadgroup, a file's tests go to one worker, which makes the fixtures once.

    A mark xdist_group says otherwise, and SCATTERED.
    """
    if not config.getoption("loadgroup", False):
        return
    for item in items:
        file = item.nodeid.split("::")[0]
        if file not in SCATTERED and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(file))

    def rank(item):
        return next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=rank)


def simulated_bitstream(directory, engine="pixel_serial", network=None):
    """The .bit of a verilated design, in ``directory`` with its other files. Each library is built once."""
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


def share_objects(checkout):
    """What the simulator compiles once for all designs, into build/ of a copy of the tree."""
    from gateware.simulator.build import OBJECTS

    (checkout / OBJECTS.relative_to(ROOT)).mkdir(parents=True)
    for compiled in OBJECTS.glob("*.o"):
        shutil.copyfile(compiled, checkout / OBJECTS.relative_to(ROOT) / compiled.name)


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
