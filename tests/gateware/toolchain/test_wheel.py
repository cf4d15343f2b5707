"""The wheel for the board holds what a board needs, and nothing that it cannot use."""

import re
import zipfile

import pytest

from gateware.designs import ENGINES
from gateware.toolchain import wheel
from lst_overlay.samples import shipped_networks


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Of a checkout with one bitstream for a real board and one for the simulated: the wheel, opened."""
    root = tmp_path_factory.mktemp("checkout")
    for name in (*wheel.FILES, "driver"):
        (root / name).symlink_to(wheel.ROOT / name)
    for board in ("pynq_z2", "simulated"):
        (root / "bitstreams" / board).mkdir(parents=True)
        for suffix in ("bit", "hwh", "v"):
            (root / "bitstreams" / board / f"pixel_serial-loadable.{suffix}").write_text(board)
        (root / "bitstreams" / board / "manifest.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheel, "ROOT", root)
        path = wheel.build_wheel(root / "dist", root / "staging")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_driver_networks_registers_and_notebooks(packed):
    files = packed.namelist()
    assert {
        f"lst_overlay/{name}"
        for name in (
            "overlay.py",
            "__main__.py",
            "registers.json",
            "py.typed",
            "samples/digits.npz",
            "samples/canvas.js",
            "network/lst/reference.py",
            "network/resmlp/reference.py",
            "notebooks/__init__.py",
            "notebooks/1_first_digits.ipynb",
        )
    } <= set(files)
    assert {f"lst_overlay/samples/networks/{name}.npz" for name in shipped_networks.names()} <= set(files)


def test_the_metadata_say_what_it_is_and_who_may_use_it(packed):
    (name,) = [name for name in packed.namelist() if name.endswith("/METADATA")]
    metadata = packed.read(name).decode()
    for line in ("Author: The lst-overlay maintainers", "License: BSD-2-Clause", "Requires-Python: >=3.8"):
        assert f"\n{line}\n" in metadata
    assert "Description-Content-Type: text/markdown" in metadata and "# lst-overlay" in metadata


def test_bitstreams_of_real_boards_and_a_description_of_every_engine_of_the_default_board(packed):
    files = {name for name in packed.namelist() if "/bitstreams/" in name}
    assert {
        f"lst_overlay/bitstreams/pynq_z2/{name}"
        for name in ("pixel_serial-loadable.bit", "pixel_serial-loadable.hwh", "manifest.json")
    } <= files
    described = {name.split("/")[-1].split("-")[0] for name in files if "/zybo_z7_10/" in name}
    assert described == {name for name, spec in ENGINES.items() if spec.part == "xc7z010"}
    networks = {name for name in files if name.endswith(".npz")}
    assert {name.replace(".npz", ".hwh") for name in networks} | {
        "lst_overlay/bitstreams/pynq_z2/pixel_serial-loadable.hwh",
        *(
            f"lst_overlay/bitstreams/zybo_z7_10/{spec.name}-loadable.hwh"
            for spec in ENGINES.values()
            if spec.loadable
        ),
    } == {name for name in files if name.endswith(".hwh")}
    assert not any("simulated" in name or name.endswith(".v") for name in files)


def test_it_asks_for_numpy_and_pynq_alone_and_tells_pynq_what_it_has(packed):
    about = {
        name.rsplit("/", 1)[-1]: packed.read(name).decode()
        for name in packed.namelist()
        if ".dist-info/" in name
    }
    required = re.findall(r"^Requires-Dist: (?!.*extra)(.*)$", about["METADATA"], re.MULTILINE)
    assert required == ["numpy", "pynq"]
    assert "[pynq.notebooks]\nlst_overlay = lst_overlay.notebooks" in about["entry_points.txt"]
    assert "[pynq.overlays]\nlst_overlay = lst_overlay.bitstreams" in about["entry_points.txt"]
    assert "py3-none-any" in packed.filename
