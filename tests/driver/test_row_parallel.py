"""LST1Overlay on the row-parallel engine: found by name, packed for, its network built in. The verilated design."""
import shutil

import numpy as np
import pytest

from lst_overlay import BitstreamError, LST1Overlay, LstOverlayError, bitstream_files
from lst_overlay.network import classify, load_network, logits, save_network
from lst_overlay.shipped_networks import find
from lst_overlay.simulator import SimulatedBoard
from tests.images import corner_images, test_images

NAME = "lst1_w4a4p2"
NETWORK = load_network(find(NAME))
STEM = f"row_parallel-{NAME}"
pytestmark = pytest.mark.xdist_group("built_in_top")


@pytest.fixture(scope="module")
def bit(tmp_path_factory):
    from gateware.simulated_bitstream import build_simulated_bitstream
    from tests.conftest import BUILT
    return build_simulated_bitstream("row_parallel", NETWORK, directory=tmp_path_factory.mktemp("board") / "simulated", libraries=BUILT)


@pytest.fixture
def overlay(bit):
    board = SimulatedBoard()
    with LST1Overlay(bit, device=board) as made:
        yield made
    assert board.violations() == []


@pytest.fixture
def copy(bit, tmp_path):
    """The design's files in a directory of the test's own."""
    shutil.copytree(bit.parent, tmp_path / "copy")
    return tmp_path / "copy" / bit.name


def test_logits_and_classes_are_the_references(overlay):
    images = np.concatenate([corner_images(), np.random.default_rng(0).integers(0, 256, (1500, 28, 28), dtype=np.uint8)])
    expected = logits(NETWORK, images)
    np.testing.assert_array_equal(overlay.logits(images), expected)
    np.testing.assert_array_equal(overlay.predict(images), classify(expected))


def test_figures_say_that_pixels_are_packed(overlay):
    _, figures = overlay.predict(np.zeros((200, 28, 28), np.uint8), profile=True)
    assert figures["input_format"] == "packed" and figures["fclk_mhz"] == pytest.approx(1000 / 7)
    assert 28 < figures["cycles_per_image"] < 40
    test = overlay.throughput_test(400)
    assert test["input_format"] == "packed" and test["throughput[images/s]"] > 3_000_000
    assert test["DRAM_in_bandwidth[MB/s]"] == pytest.approx(224e-6 * test["throughput[images/s]"])


def test_the_network_is_the_one_in_the_bitstream(overlay):
    assert overlay.network.name == NAME and "row-parallel" in repr(overlay)
    assert all(check.passed for check in overlay.self_test()), overlay.self_test()
    with pytest.raises(LstOverlayError, match="cannot load network 'lst1_q6.7': this bitstream has its network built in"):
        overlay.load_network("lst1_q6.7")
    assert overlay.network.name == NAME


def test_it_is_found_by_its_name(bit, monkeypatch):
    monkeypatch.setattr(bitstream_files, "search_roots", lambda: [bit.parents[1]])
    with LST1Overlay(STEM, device=SimulatedBoard()) as made:
        assert made.predict(corner_images()[:3]).shape == (3,)
    with pytest.raises(BitstreamError, match="`make simulator ENGINE=row_parallel NETWORK=other` in a checkout writes it"):
        LST1Overlay("row_parallel-other", device=SimulatedBoard())


def test_another_network_cannot_be_asked_for(bit):
    with pytest.raises(BitstreamError, match="has its network built in: network= must be left out, or be 'auto', not 'lst1_q6.7'"):
        LST1Overlay(bit, device=SimulatedBoard(), network="lst1_q6.7")


def test_the_file_of_another_network_is_refused(copy):
    save_network(load_network(find("lst1_w5c4a4p4")), copy.with_suffix(".npz"))
    with pytest.raises(BitstreamError, match=f"{STEM}.npz is not the network inside the bitstream: NETWORK_HASH reads"):
        LST1Overlay(copy, device=SimulatedBoard())


def test_attaching_works_as_well(bit):
    board = SimulatedBoard()
    with LST1Overlay(bit, device=board) as first:
        expected = first.predict(corner_images())
        with LST1Overlay(bit, device=board, download=False) as second:
            np.testing.assert_array_equal(second.predict(corner_images()), expected)


@pytest.mark.slow
def test_all_of_mnist_agrees_at_28_cycles_per_image(bit):
    from gateware.simulate import simulate
    test_images("mnist")
    for memory, most in (("ideal", 28.5), ("default", 35.7)):
        report = simulate("mnist", NAME, engine="row_parallel", memory_model=memory, bitfile=bit).report
        assert report["bit_exact_images"] == report["images"] == 10_000
        assert 28 <= report["cycles_per_image"] <= most
        assert round(report["accuracy"], 2) == round(NETWORK.provenance["accuracy_integer"], 2)
