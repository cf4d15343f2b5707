"""The drawings in colour that come along."""

import numpy as np

from lst_overlay.network.family import CLASS_NAMES
from lst_overlay.samples import drawings


def test_drawings_are_pictures_of_classes_of_cifar10_and_the_same_in_every_call():
    images, names = drawings.load()
    assert images.shape == (len(names), 32, 32, 3) and images.dtype == np.uint8
    assert set(names) <= set(CLASS_NAMES["cifar10"])
    assert len(set(image.tobytes() for image in images)) == len(names)
    np.testing.assert_array_equal(drawings.load()[0], images)
