"""What a simulation reports, from images, labels and classes alone."""

import numpy as np

from gateware.reports.simulate import Simulation


def test_the_confusion_matrix_has_a_row_and_a_column_for_every_class():
    """Even for classes that neither a label nor an answer names."""
    images, labels, classes = np.zeros((3, 28, 28), np.uint8), np.array([0, 2, 2]), np.array([0, 2, 1])
    confusion = Simulation({}, images, labels, classes, class_count=10).confusion
    assert confusion.shape == (10, 10) and confusion.sum() == 3
    assert confusion[0, 0] == confusion[2, 2] == confusion[2, 1] == 1
