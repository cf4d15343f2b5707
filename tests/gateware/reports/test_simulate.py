"""What a simulation reports, from images, labels and classes alone."""

import numpy as np

from gateware.reports.simulate import Simulation, exact_images


def test_the_confusion_matrix_has_a_row_and_a_column_for_every_class():
    """Even for classes that neither a label nor an answer names."""
    images, labels, classes = np.zeros((3, 28, 28), np.uint8), np.array([0, 2, 2]), np.array([0, 2, 1])
    confusion = Simulation({}, images, labels, classes, class_count=10).confusion
    assert confusion.shape == (10, 10) and confusion.sum() == 3
    assert confusion[0, 0] == confusion[2, 2] == confusion[2, 1] == 1


def test_an_image_is_exact_if_all_its_logits_and_its_class_are():
    expected = np.array([[1, 5, 3], [9, 0, 0], [2, 2, 1], [0, 1, 2]])
    logits, classes = expected.copy(), np.array([1, 0, 0, 2])
    assert exact_images(logits, classes, expected).tolist() == [True] * 4
    logits[0, 2] += 1  # the class stays right
    classes[3] = 1  # the logits stay right
    assert exact_images(logits, classes, expected).tolist() == [False, True, True, False]
