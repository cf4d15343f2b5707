"""What a simulation reports, from images, labels and classes alone."""

import dataclasses

import numpy as np
import pytest

from datasets import Images
from gateware.reports.simulate import Simulation, default_dataset, exact_images, simulate
from lst_overlay.network import NetworkError, load_network, save_network
from lst_overlay.samples.shipped_networks import find


@pytest.mark.parametrize(
    "engine, dataset, message",
    [
        ("folded", "cifar10", r"of shape \(28, 28\), those of cifar10 have \(32, 32, 3\): name a network"),
        (
            "pixel_serial",
            "cifar10",
            r"of shape \(28, 28\), those of cifar10 have \(32, 32, 3\): name a network",
        ),
        ("resmlp_array", "digits", "of the family lst, where one of the family resmlp is needed"),
    ],
)
def test_a_data_set_that_the_engine_does_not_take_is_refused_before_anything_is_built(
    monkeypatch, engine, dataset, message
):
    images = Images(np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1, np.int64))
    monkeypatch.setattr("datasets.load", lambda *_: images)
    monkeypatch.setattr("gateware.reports.simulate.build_simulated_bitstream", None)
    with pytest.raises(NetworkError, match=message):
        simulate(dataset, engine=engine)


def test_data_of_other_classes_are_refused_before_anything_is_built(monkeypatch):
    images = Images(np.zeros((26, 28, 28), np.uint8), np.arange(26))
    monkeypatch.setattr("datasets.load", lambda *_: images)
    monkeypatch.setattr("gateware.reports.simulate.build_simulated_bitstream", None)
    with pytest.raises(
        NetworkError, match="'lst1_w6a4p4' has 10 classes, letters.npz has 26: name a network"
    ):
        simulate("letters.npz")


def test_a_network_that_was_trained_on_own_data_is_simulated_with_them(tmp_path):
    network = load_network(find("lst1_digits"))
    save_network(dataclasses.replace(network, provenance={"dataset": "my.npz"}), tmp_path / "net.npz")
    assert default_dataset("pixel_serial", str(tmp_path / "net.npz")) == "my.npz"
    assert default_dataset("pixel_serial", "lst1_digits") in ("mnist", "digits")


def test_pictures_in_colour_are_the_data_set_of_an_engine_for_them():
    assert default_dataset("resmlp_array") == "cifar10" and default_dataset("folded") in ("mnist", "digits")


def test_the_confusion_matrix_has_a_row_and_a_column_for_every_class():
    """Even for classes that neither a label nor an answer names."""
    images, labels, classes = np.zeros((3, 28, 28), np.uint8), np.array([0, 2, 2]), np.array([0, 2, 1])
    confusion = Simulation({}, images, labels, classes, names="0123456789").confusion
    assert confusion.shape == (10, 10) and confusion.sum() == 3
    assert confusion[0, 0] == confusion[2, 2] == confusion[2, 1] == 1


def test_an_image_is_exact_if_all_its_logits_and_its_class_are():
    expected = np.array([[1, 5, 3], [9, 0, 0], [2, 2, 1], [0, 1, 2]])
    logits, classes = expected.copy(), np.array([1, 0, 0, 2])
    assert exact_images(logits, classes, expected).tolist() == [True] * 4
    logits[0, 2] += 1  # the class stays right
    classes[3] = 1  # the logits stay right
    assert exact_images(logits, classes, expected).tolist() == [False, True, True, False]
