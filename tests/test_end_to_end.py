"""Every image of MNIST's test set through pynq, driver, AXI masters and engine, for every shipped network."""

import numpy as np
import pytest
import torch

from gateware.designs import shipped_for
from gateware.reports.simulate import simulate
from lst_overlay import LST1Overlay
from lst_overlay.hardware import bitstream_files
from lst_overlay.network import classify, load_network
from lst_overlay.network import logits as reference_logits
from lst_overlay.samples.shipped_networks import DEFAULT, find
from lst_overlay.simulator.board import SimulatedBoard
from model.quantized.lst import QuantizedLST
from tests.conftest import simulated_bitstream
from tests.images import corner_images, test_images
from tests.model.small import shipped_functions


@pytest.fixture(scope="module")
def overlay(simulated_bit):
    board = SimulatedBoard()
    with LST1Overlay(simulated_bit, device=board) as made:
        yield made
    assert board.violations() == []


def assert_all_equal(overlay, images):
    network = overlay.network
    expected = reference_logits(network, images)
    fake_quantized = QuantizedLST.from_integer(network, shipped_functions(network))
    torch_logits = torch.cat(
        [fake_quantized.logits_q(part) for part in torch.from_numpy(images).split(1000)]
    ).numpy()
    logits = overlay.logits(images)
    for name, found in (("fake-quantised torch", torch_logits), ("the driver", logits)):
        wrong = np.flatnonzero((found != expected).any(axis=1))
        assert not len(wrong), (
            f"{name}: {len(wrong)} of {len(images)} images differ, the first five: "
            f"{[(int(i), found[i].tolist(), expected[i].tolist()) for i in wrong[:5]]}"
        )
    classes, figures = overlay.predict(images, profile=True)
    np.testing.assert_array_equal(classes, classify(expected))
    return classes, figures


@pytest.mark.parametrize("name", shipped_for("pixel_serial"))
def test_corner_images_agree(overlay, name):
    overlay.load_network(name)
    assert_all_equal(overlay, corner_images())


def test_the_environment_alone_chooses_the_simulated_board(simulated_bit, monkeypatch, tmp_path):
    (tmp_path / "simulated").symlink_to(simulated_bit.parent)
    monkeypatch.setenv("LST_BOARD", "sim")
    monkeypatch.setattr(bitstream_files, "search_roots", lambda: [tmp_path])
    with LST1Overlay() as overlay:
        assert_all_equal(overlay, corner_images())


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_for("pixel_serial"))
def test_mnist_agrees_at_784_cycles_per_pair_of_layers(overlay, name):
    """All images with the default network, a thousand with others; `make results` has each test set whole."""
    part = test_images("mnist")
    images = part.images if name == DEFAULT else part.images[:1000]
    overlay.load_network(name)
    classes, figures = assert_all_equal(overlay, images)
    assert len(classes) == len(images) and figures["starts"] == 1
    cycles = 784 * (len(overlay.network.layers) // 2)
    # What a batch takes at its begin and end counts more for each of a thousand images.
    assert cycles <= figures["cycles_per_image"] <= cycles + (1 if name == DEFAULT else 2)
    if name == DEFAULT:
        # What the file says of itself is what the hardware does.
        assert round(100 * float(np.mean(classes == part.labels)), 2) == round(
            overlay.network.provenance["accuracy_integer"], 2
        )


@pytest.mark.slow
def test_all_digits_agree(overlay):
    overlay.load_network("lst1_digits")
    part = test_images("digits")
    classes, _ = assert_all_equal(overlay, part.images)
    assert (
        round(100 * float(np.mean(classes == part.labels)), 4)
        == overlay.network.provenance["accuracy_integer"]
    )


@pytest.mark.slow
def test_all_of_mnist_agrees_at_28_cycles_per_image(tmp_path):
    """The row-parallel engine: packed pixels of two bits, the network built in."""
    test_images("mnist")
    network = load_network(find("lst1_w4a4p2"))
    bit = simulated_bitstream(tmp_path / "simulated", "row_parallel", network)
    for memory, most in (("ideal", 28.5), ("default", 35.7)):
        report = simulate(
            "mnist", network.name, engine="row_parallel", memory_model=memory, bitfile=bit
        ).report
        assert report["bit_exact_images"] == report["images"] == 10_000
        assert 28 <= report["cycles_per_image"] <= most
        assert round(report["accuracy"], 2) == round(network.provenance["accuracy_integer"], 2)
