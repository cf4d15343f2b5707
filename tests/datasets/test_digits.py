import hashlib
import sys

import numpy as np
import pytest

from datasets import DatasetError, load, load_digits
from datasets.digits import resample


def test_the_last_360_in_file_order_are_the_test_set():
    from sklearn.datasets import load_digits as source

    train, test = load_digits("train"), load_digits("test")
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), source().target)
    np.testing.assert_array_equal(test.images, resample(source().images[1437:]))


def test_images_are_28_by_28_bytes_and_labels_int64():
    images, labels = load("digits", "test")
    assert images.shape == (360, 28, 28) and images.dtype == np.uint8
    assert labels.dtype == np.int64 and set(labels) == set(range(10))


def test_every_machine_gets_the_same_bytes():
    digest = hashlib.sha256(
        load_digits("train").images.tobytes() + load_digits("test").images.tobytes()
    ).hexdigest()
    assert digest == "6ab18cf4421c017763a83e41d7047aa5f3d8f2d735c5ae398d51664a30c1e2c3"


def test_a_full_image_is_full_inside_and_dark_at_the_border():
    image = resample(np.full((1, 8, 8), 16.0))[0]
    assert (image[6:22, 6:22] == 255).all()
    assert not image[:2].any() and not image[:, -2:].any()


def test_resampling_keeps_the_orientation():
    source = np.zeros((1, 8, 8))
    source[0, 0, 7] = 16
    rows, columns = np.nonzero(resample(source)[0])
    assert rows.max() < 10 and columns.min() > 17


def test_resampling_treats_rows_and_columns_alike():
    source = np.random.default_rng(0).integers(0, 17, (5, 8, 8))
    np.testing.assert_array_equal(resample(source.transpose(0, 2, 1)), resample(source).transpose(0, 2, 1))


def test_an_unknown_part_is_refused():
    with pytest.raises(DatasetError, match="part must be one of train, test, not 'validation'"):
        load("digits", "validation")


def test_an_unknown_dataset_is_refused():
    with pytest.raises(
        DatasetError, match="dataset must be one of mnist, digits, cifar10 or a file .npz, not 'cifar'"
    ):
        load("cifar", "test")


def test_loading_needs_no_torch():
    import subprocess

    code = "import sys, datasets; datasets.load('digits', 'test'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
