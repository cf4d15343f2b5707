import json

import numpy as np
import pytest

import model.reports.evaluate
from datasets import DatasetError
from lst_overlay.network import load_network, outputs, save_network
from model.reports.evaluate import evaluate
from model.training.checkpoint import CheckpointError
from tests.driver.network.lst.networks import SHIPPED, random_network
from tests.images import test_images

# Percent on the test set.
REQUIRED = {
    "lst1_q6.7": 98.28,
    "lst1_w6a4p4": 99.0,
    "lst1_w5c4a4p4": 98.9,
    "lst1_w4a4p2": 98.6,
    "lst1_digits": 96.0,
}
DIGITS = next(path for path in SHIPPED if path.stem == "lst1_digits")


def test_the_required_networks_are_shipped():
    assert REQUIRED.keys() <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_network_is_as_accurate_as_its_file_says(path):
    provenance = load_network(path).provenance
    test_images(provenance["dataset"])  # skips where MNIST is missing
    found = evaluate(path)
    assert round(found.accuracy, 4) == provenance["accuracy_integer"]
    assert found.accuracy >= REQUIRED.get(path.stem, 0)
    assert found.torch_exact_images == found.images


def test_the_confusion_matrix_counts_every_image():
    found = evaluate(DIGITS)
    confusion = np.array(found.confusion)
    assert confusion.sum() == found.images == 360
    assert np.trace(confusion) == found.correct
    np.testing.assert_array_equal(
        confusion.sum(axis=1), np.bincount(test_images("digits").labels, minlength=10)
    )


def test_json_holds_what_the_text_says():
    found = evaluate(DIGITS)
    figures = json.loads(found.to_json())
    assert figures["network"] == "lst1_digits" and figures["dataset"] == "digits"
    assert f"{figures['accuracy']:.2f} %" in found.to_text()


def test_a_network_that_names_no_data_set_needs_one(tmp_path):
    save_network(random_network(1), tmp_path / "n.npz")
    with pytest.raises(DatasetError, match="name one with --dataset"):
        evaluate(tmp_path / "n.npz")


@pytest.mark.parametrize("name", ["n.bin", "n.pth", "n.pt"])
def test_an_empty_checkpoint_is_named_as_such(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(CheckpointError, match=f"{name}: the file is empty"):
        evaluate(tmp_path / name)


def test_every_tensor_of_a_network_file_is_compared():
    found = evaluate(DIGITS)
    assert (found.torch_exact_images, found.tensor_exact_images) == (360, 100)
    assert "every tensor equal: 100 of the first 100 images" in found.to_text()


def test_an_output_between_pixels_and_logits_that_differs_is_noticed(monkeypatch):
    def altered(network, images):
        found = outputs(network, images)
        found[0][3, 0, 0] += 1
        return found

    monkeypatch.setattr(model.reports.evaluate, "outputs", altered)
    found = evaluate(DIGITS)
    assert (found.torch_exact_images, found.tensor_exact_images) == (360, 99)
