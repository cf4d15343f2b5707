"""Images for tests, from what is on this machine; tests never download."""

import numpy as np
import pytest

import datasets
from datasets.cifar10 import cifar10_is_here
from datasets.mnist import mnist_is_here

HERE = {"mnist": mnist_is_here, "cifar10": cifar10_is_here}


def test_images(dataset):
    """Images and labels of the test set, or a skipped test that says why."""
    if dataset in HERE and not HERE[dataset]():
        pytest.skip(f"{dataset} is not on this machine: set LST_DATA_DIR (docs/datasets.md)")
    return datasets.load(dataset, "test")


test_images.__test__ = False  # a helper, not a test


def corner_images():
    """(9, 28, 28) uint8: dark, bright, half, one pixel at either end, chessboards, ramp, noise."""
    images = np.zeros((9, 28, 28), dtype=np.uint8)
    images[1] = 255
    images[2] = 128
    images[3, 0, 0] = 255
    images[4, 27, 27] = 255
    images[5, ::2, ::2] = images[5, 1::2, 1::2] = 255
    images[6] = 255 - images[5]
    images[7] = (np.arange(784) % 256).reshape(28, 28)
    images[8] = np.random.default_rng(0).integers(0, 256, (28, 28))
    return images
