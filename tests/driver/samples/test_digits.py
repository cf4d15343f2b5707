"""The digits that come with the package: two forms, each for the networks that were trained on it."""

import numpy as np
import pytest

from lst_overlay.network import classify, load_network, logits
from lst_overlay.samples import digits, shipped_networks


@pytest.mark.parametrize("name", shipped_networks.names("lst"))
def test_a_network_has_most_digits_right_in_the_form_on_which_it_was_trained(name):
    network = load_network(shipped_networks.find(name))
    right = {}
    for form in digits.FORMS:
        images, labels = digits.load(form)
        right[form] = (classify(logits(network, images)) == labels).sum()
    own = network.provenance["dataset"]
    assert right[own] == max(right.values()) >= 89


def test_the_default_form_is_that_of_the_default_network():
    default = load_network(shipped_networks.find(shipped_networks.DEFAULT)).provenance["dataset"]
    np.testing.assert_array_equal(digits.load()[0], digits.load(default)[0])


def test_both_forms_have_the_same_labels_and_the_images_that_networks_take():
    (mnist, labels), (sklearn, same) = (digits.load(form) for form in digits.FORMS)
    np.testing.assert_array_equal(labels, same)
    assert labels.dtype == np.int64 and np.bincount(labels).min() >= 7
    for images in (mnist, sklearn):
        assert images.shape == (100, 28, 28) and images.dtype == np.uint8


def test_mnists_form_fits_the_box_and_is_centred_by_mass():
    images = digits.load("mnist")[0].astype(float)
    for axis in (1, 2):
        inked = images.any(axis=axis)
        assert (inked.sum(axis=1) <= 20).all()
        mass = (images.sum(axis=axis) * (np.arange(28) + 0.5)).sum(axis=1) / images.sum(axis=(1, 2))
        assert np.abs(mass - 14).max() <= 0.6


def test_a_form_that_is_not_there_is_refused():
    with pytest.raises(
        ValueError, match="the sample digits have the forms 'mnist' and 'digits', not 'photo'"
    ):
        digits.load("photo")
