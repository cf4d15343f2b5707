"""An engine is one folder: dense_serial is added to a copy of the packages, and nothing else changes.

Its images have 12 x 12 pixels, its networks five classes, its result records seven words and one of padding.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay.network import Axis, Layer, LSTNetwork, classify, logits, save_network
from lst_overlay.simulator import SimulatedBoard
from tests import ROOT
from tests.conftest import share_objects

FOLDER = Path(__file__).parent / "dense_serial"
SHAPE, CLASSES = (12, 12), 5


def dense_network():
    rng = np.random.default_rng(1)
    weights, biases = rng.integers(-7, 8, (CLASSES, 144)), rng.integers(-500, 501, CLASSES)
    return LSTNetwork("dense", "dense", 6, SHAPE, (Layer(Axis.DENSE, weights, biases, 4, 1.0),))


def random_images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Copy the packages that design and simulate, add the engine's folder, and write the network file."""
    directory = tmp_path_factory.mktemp("copy")
    for package in ("gateware", "driver", "datasets", "pages"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FOLDER, directory / "gateware" / "engines" / FOLDER.name)
    share_objects(directory)
    save_network(dense_network(), directory / "dense.npz")
    return directory


@pytest.fixture(scope="module")
def run(copy):
    """Return a function that runs Python with its arguments in the copy and returns what it prints."""

    def call(*arguments):
        environment = {**os.environ, "PYTHONPATH": f"{copy / 'driver'}:{copy}"}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="module")
def bit(run, copy):
    """Build the simulated board's .bit by the command that is used for every engine."""
    options = ("--engine", "dense_serial", "--network", "dense.npz", "--build-only")
    return Path(run("-m", "gateware", "simulate", *options).strip())


@pytest.fixture
def overlay(bit):
    board = SimulatedBoard()
    with LST1Overlay(bit, device=board) as made:
        yield made
    assert board.violations() == []


def test_it_is_in_every_list(run):
    listed = run("-m", "gateware", "engines")
    assert "dense_serial  144 cycles per image: one dense layer, a pixel per clock" in listed
    program = "import json; from gateware.reports.ladder import rungs; print(json.dumps([*rungs()]))"
    assert ["dense_serial", "dense"] in json.loads(run("-c", program))
    program = "from gateware.reports.register_docs import markdown; print(markdown())"
    assert "| 9 | dense_serial | one dense layer, a pixel per clock |" in run("-c", program)


def test_it_is_emitted(run, copy):
    run("-m", "gateware", "verilog", "--engine", "dense_serial", "--network", "dense.npz", "--out", "verilog")
    assert "module lst1_top" in (copy / "verilog" / "lst1_top.v").read_text()


def test_the_driver_reads_its_shape_and_classes(overlay):
    assert overlay.layout.shape == SHAPE and overlay.engine == "dense_serial"
    registers = overlay.accelerator.registers
    assert registers.fields("IMAGE_SHAPE") == {"ROWS": 12, "COLUMNS": 12, "COLOURS": 0}
    assert registers.fields("RESULTS") == {"CLASSES": CLASSES, "VALUES": CLASSES}
    assert registers.fields("CAPABILITIES")["ENGINE"] == 9
    assert overlay.fclk_mhz == pytest.approx(1000 / 6)


def test_every_logit_and_class_is_the_references(overlay):
    images = random_images(700)
    images[0], images[1] = 0, 255
    expected = logits(overlay.network, images)
    np.testing.assert_array_equal(overlay.logits(images), expected)
    np.testing.assert_array_equal(overlay.predict(images), classify(expected))
    assert overlay.logits(images[:1]).shape == (1, CLASSES)


def test_it_keeps_its_promised_cycles(overlay):
    _, figures = overlay.predict(random_images(300), profile=True)
    assert 144 <= figures["cycles_per_image"] < 150


def test_the_self_test_passes(overlay):
    assert all(check.passed for check in overlay.self_test()), overlay.self_test()


def test_images_of_another_shape_are_refused(overlay):
    with pytest.raises(ValueError, match=r"must have shape \(N, 12, 12\) or \(N, 144\), not \(1, 28, 28\)"):
        overlay.predict(np.zeros((1, 28, 28), np.uint8))


def test_a_network_that_it_does_not_accept_is_refused_before_anything_is_built(copy):
    program = (
        "from gateware.designs import make_design\n"
        "from lst_overlay.network import load_network\n"
        "from lst_overlay.samples.shipped_networks import find\n"
        "make_design('dense_serial', load_network(find('lst1_w6a4p4')))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{copy / 'driver'}:{copy}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "network 'lst1_w6a4p4' must have one layer, not 3" in done.stderr
