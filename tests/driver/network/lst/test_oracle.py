"""The reference against an evaluator written from docs/number_formats.md alone (tests/oracles/lst.py)."""

from pathlib import Path

import numpy as np
import pytest

import tests.oracles.lst
from lst_overlay.network import load_network, logits, save_network
from tests.driver.network.lst.networks import KINDS, SHIPPED, corner_networks, random_network_of
from tests.images import corner_images, test_images
from tests.oracles.lst import Evaluator


def assert_equal(path, images):
    evaluator = Evaluator(path)
    found = np.array([evaluator.logits(image) for image in images.tolist()])
    expected = logits(load_network(path), images)
    different = np.flatnonzero((found != expected).any(axis=1))
    first = different[:5]
    assert not len(different), (
        f"{len(different)} of {len(images)} images differ, first {first}: "
        f"{found[first]} not {expected[first]}"
    )


def images_of(path):
    """The test images of the network's own data set, or those digits that are on every machine."""
    try:
        return test_images(load_network(path).provenance["dataset"]).images
    except pytest.skip.Exception:
        return test_images("digits").images


def test_it_imports_nothing_of_ours():
    assert "lst_overlay" not in [
        line.split()[1].split(".")[0]
        for line in Path(tests.oracles.lst.__file__).read_text().splitlines()
        if line.startswith(("import", "from"))
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_give_the_same_logits(path):
    assert_equal(path, np.concatenate([corner_images(), images_of(path)[:40]]))


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_give_the_same_logits_on_1000_images(path):
    images = images_of(path)
    assert_equal(
        path,
        np.resize(images, (max(1000, len(images)), 28, 28))[:1000] if len(images) < 1000 else images[:1000],
    )


def test_corner_networks_give_the_same_logits(tmp_path):
    for network in corner_networks():
        save_network(network, tmp_path / "corner.npz")
        assert_equal(tmp_path / "corner.npz", corner_images())


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_every_kind_give_the_same_logits(tmp_path, kind, per_channel):
    for seed in range(5):
        save_network(random_network_of(kind, seed, per_channel, size=4, shift=seed), tmp_path / "n.npz")
        assert_equal(
            tmp_path / "n.npz", np.random.default_rng(seed).integers(0, 256, (4, 4, 4), dtype=np.uint8)
        )


def test_an_altered_file_is_refused(tmp_path):
    with np.load(SHIPPED[0]) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["layer0.bias_q"][0] += 1
    np.savez(tmp_path / "altered.npz", **arrays)
    with pytest.raises(ValueError, match="content hash"):
        Evaluator(tmp_path / "altered.npz")
