"""LST1Overlay on verilated designs with a built-in network: search by name, identification, packing."""

import shutil

import numpy as np
import pytest

from lst_overlay import BitstreamError, LST1Overlay, LstOverlayError
from lst_overlay.hardware import bitstream_files
from lst_overlay.network import classify, load_network, logits, save_network
from lst_overlay.samples.shipped_networks import find
from lst_overlay.simulator.board import SimulatedBoard
from lst_overlay.simulator.library import MEMORY_MODELS
from tests.conftest import declared_engines, simulated_bitstream
from tests.images import corner_images

NAME = "lst1_w4a4p2"
STEM = f"row_parallel-{NAME}"
# Every engine with a built-in LST network, with the networks of test_built_in_top.py: built once.
NETWORKS = {"folded": "lst1_q6.7", "row_parallel_uint8": NAME, "row_parallel_uint8x4": NAME}
DESIGNS = [
    (spec, NETWORKS.get(spec.name, spec.network))
    for spec in declared_engines()
    if not spec.loadable and spec.family == "lst"
]
DEEPER = ("lst2_w6a4p4", "reslst3_w6a4p4")  # the time of an image is that of LST-1 for each pair of layers
DESIGNS += [(spec, name) for spec, _ in DESIGNS if spec.name == "pixel_pairs" for name in DEEPER]
SLOW = (
    "row_parallel_uint8",
    "row_parallel_uint8x2",
    "row_parallel_uint8x4",
    *DEEPER,
)  # a minute of compiling each
INPUT = {"row_parallel": ("packed", 224)}


def build(engine, name, directory):
    return simulated_bitstream(directory / "simulated", engine, load_network(find(name)))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            item,
            id=item[1] if item[1] in DEEPER else item[0].name,
            marks=[
                pytest.mark.xdist_group(item[1] if item[1] in DEEPER else item[0].name),
                *[pytest.mark.slow] * bool({item[0].name, item[1]} & set(SLOW)),
            ],
        )
        for item in DESIGNS
    ],
)
def design(request, tmp_path_factory):
    """(declaration of the engine, name of its network, path of the .bit)."""
    spec, name = request.param
    return spec, name, build(spec.name, name, tmp_path_factory.mktemp("board"))


@pytest.fixture
def overlay(design):
    board = SimulatedBoard()
    with LST1Overlay(design[2], device=board) as made:
        yield made
    assert board.violations() == []


@pytest.fixture(scope="module")
def bit(tmp_path_factory):
    """The path of the row-parallel engine's .bit."""
    return build("row_parallel", NAME, tmp_path_factory.mktemp("board"))


@pytest.fixture
def copy(bit, tmp_path):
    """Copy the design's files to the test's directory and return the path of the .bit."""
    shutil.copytree(bit.parent, tmp_path / "copy")
    return tmp_path / "copy" / bit.name


def test_logits_and_classes_are_the_references(overlay):
    images = np.concatenate(
        [corner_images(), np.random.default_rng(0).integers(0, 256, (1500, 28, 28), dtype=np.uint8)]
    )
    expected = logits(overlay.network, images)
    np.testing.assert_array_equal(overlay.logits(images), expected)
    np.testing.assert_array_equal(overlay.predict(images), classify(expected))


def test_images_in_device_memory_are_answered_alike(overlay):
    images = np.concatenate([corner_images()] * 3)
    expected = logits(overlay.network, images)
    with overlay.pack(images) as packed:
        np.testing.assert_array_equal(overlay.logits(packed), expected)
        np.testing.assert_array_equal(overlay.predict(packed), classify(expected))
        np.testing.assert_array_equal(overlay.logits(packed[16:]), expected[16:])


def test_figures_are_those_of_the_engine(overlay, design):
    spec, layout = design[0], overlay.layout
    assert (layout.name, layout.bytes_per_image) == INPUT.get(spec.name, ("uint8", 784))
    fclk_mhz = 1000 / (spec.divisors[0] * spec.divisors[1])
    image_bytes = layout.buffers * layout.bytes_per_image
    cycles = spec.cycles_per_image * (len(overlay.network.layers) // 2)
    # Of four ports, what the default memory carries may be less.
    cycles = max(cycles, image_bytes * fclk_mhz / MEMORY_MODELS["default"]["bytes_per_us"])
    _, figures = overlay.predict(np.zeros((200, 28, 28), np.uint8), profile=True)
    assert figures["input_format"] == layout.name and figures["fclk_mhz"] == pytest.approx(fclk_mhz)
    # Engines that take a beat in every clock wait where the default memory withholds one (docs/ladder.md).
    most = 1.04 * cycles + 10 if cycles > layout.beats_per_image else 1.17 * cycles + 5
    assert cycles < figures["cycles_per_image"] < most
    test = overlay.throughput_test(400)
    assert test["input_format"] == layout.name
    assert test["throughput[images/s]"] > 0.8 * fclk_mhz * 1e6 / cycles
    assert test["DRAM_in_bandwidth[MB/s]"] == pytest.approx(image_bytes * 1e-6 * test["throughput[images/s]"])


def test_the_network_is_the_one_in_the_bitstream(overlay, design):
    spec, name, _ = design
    assert overlay.network.name == name and overlay.engine == spec.name and spec.name in repr(overlay)
    assert all(check.passed for check in overlay.self_test()), overlay.self_test()
    with pytest.raises(
        LstOverlayError, match="cannot load network 'lst1_digits': this bitstream has its network built in"
    ):
        overlay.load_network("lst1_digits")
    assert overlay.network.name == name


def test_it_is_found_by_its_name(bit, monkeypatch):
    monkeypatch.setattr(bitstream_files, "search_roots", lambda: [bit.parents[1]])
    with LST1Overlay(STEM, device=SimulatedBoard()) as made:
        assert made.predict(corner_images()[:3]).shape == (3,)
    with pytest.raises(
        BitstreamError, match="`make simulator ENGINE=row_parallel NETWORK=other` in a checkout writes it"
    ):
        LST1Overlay("row_parallel-other", device=SimulatedBoard())


def test_another_network_cannot_be_asked_for(bit):
    with pytest.raises(
        BitstreamError,
        match="has its network built in: network= must be left out, or be 'auto', not 'lst1_q6.7'",
    ):
        LST1Overlay(bit, device=SimulatedBoard(), network="lst1_q6.7")


def test_the_file_of_another_network_is_refused(copy):
    save_network(load_network(find("lst1_w5c4a4p4")), copy.with_suffix(".npz"))
    with pytest.raises(
        BitstreamError, match=f"{STEM}.npz is not the network inside the bitstream: NETWORK_HASH reads"
    ):
        LST1Overlay(copy, device=SimulatedBoard())


def test_attaching_works_as_well(bit):
    board = SimulatedBoard()
    with LST1Overlay(bit, device=board) as first:
        expected = first.predict(corner_images())
        with LST1Overlay(bit, device=board, download=False) as second:
            np.testing.assert_array_equal(second.predict(corner_images()), expected)
