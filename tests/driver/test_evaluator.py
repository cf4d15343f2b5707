"""The documentation suffices to write an evaluator.

tests/oracles/board_evaluator.py, written from docs/number_formats.md and docs/programmers_guide.md alone,
computes the same integers as the board.
"""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from lst_overlay import LST1Overlay
from lst_overlay.hardware.device_images import DeviceImages
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import classify, load_network, logits, pixel_codes, save_network
from lst_overlay.registers import ResultMode
from lst_overlay.samples.shipped_networks import find, names
from lst_overlay.simulator.board import SimulatedBoard
from tests.conftest import simulated_bitstream
from tests.driver.network.lst.networks import random_network_of
from tests.images import corner_images
from tests.oracles import board_evaluator as evaluator


def images():
    return np.concatenate(
        [corner_images(), np.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=np.uint8)]
    )


def test_it_is_short_and_imports_nothing_of_the_project():
    source = Path(evaluator.__file__).read_text()
    modules = [
        node.names[0].name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert set(modules) == {"hashlib", "json", "numpy"} and source.count("\n") < 100


@pytest.mark.parametrize("path", [find(name) for name in names("lst")], ids=lambda path: path.stem)
def test_logits_of_a_network_file(path):
    np.testing.assert_array_equal(
        evaluator.logits(evaluator.read_network(path), images()), logits(load_network(path), images())
    )


def test_logits_of_several_rows_per_vector(tmp_path):
    network = random_network_of("ResLST-3", 1, per_channel=True, size=4, rows_per_vector=2)
    save_network(network, tmp_path / "n.npz")
    shown = np.random.default_rng(0).integers(0, 256, (20, 8, 4), dtype=np.uint8)
    found = evaluator.logits(evaluator.read_network(tmp_path / "n.npz"), shown)
    np.testing.assert_array_equal(found, logits(network, shown))


def test_an_altered_file_is_refused(tmp_path):
    path = Path(shutil.copy(find("lst1_digits"), tmp_path))
    with np.load(path) as file:
        arrays = dict(file)
    arrays["layer0.bias_q"][3] += 1
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="content hash"):
        evaluator.read_network(path)


@pytest.mark.parametrize("engine, name", [("pixel_serial", "lst1_w6a4p4"), ("row_parallel", "lst1_w4a4p2")])
def test_logits_from_raw_pixel_and_result_memory(engine, name, tmp_path, monkeypatch):
    """The evaluator reads the memory of the simulated board as the accelerator read and wrote it."""
    memory = {}
    read = DeviceImages.read

    def keep(self, mode):
        results = read(self, mode)
        memory[mode] = self.allocation.buffers[-1].tobytes()
        memory["pixels"] = [buffer.tobytes() for buffer in self.memory]
        return results

    monkeypatch.setattr(DeviceImages, "read", keep)
    network, count = evaluator.read_network(find(name)), len(images())
    bit = simulated_bitstream(
        tmp_path, engine, None if engine == "pixel_serial" else load_network(find(name))
    )
    with LST1Overlay(
        bit, SimulatedBoard(), **({"network": name} if engine == "pixel_serial" else {})
    ) as overlay:
        overlay.predict(images())
        overlay.logits(images())
        pixels = evaluator.pixels(memory["pixels"][0], None, count, overlay.layout.packed_bits)
    found, classes = evaluator.results(memory[ResultMode.LOGITS], count, 1)
    np.testing.assert_array_equal(found, evaluator.logits(network, pixels))
    np.testing.assert_array_equal(classes, classify(found))
    np.testing.assert_array_equal(evaluator.results(memory[ResultMode.CLASSES], count, 0), classes)


@pytest.mark.parametrize(
    "layout",
    [
        ImageLayout((28, 28)),
        ImageLayout((28, 28), 4),
        ImageLayout((28, 28), 2, 2),
        ImageLayout((28, 28), 4, 4),
    ],
    ids=str,
)
def test_pixels_of_every_layout(layout):
    buffers = [np.zeros((len(images()), layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
    layout.fill(images().reshape(-1, 784), buffers)
    found = evaluator.pixels(buffers[0].tobytes(), buffers[-1].tobytes(), len(images()), layout.packed_bits)
    bits = layout.packed_bits or 8
    np.testing.assert_array_equal(pixel_codes(found, bits), pixel_codes(images(), bits))
