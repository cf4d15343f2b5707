"""Images and labels for training, tests and demonstrations, as NumPy arrays, without torch.

`load(name, part)` returns uint8 images, (N, 28, 28) or for CIFAR-10 (N, 32, 32, 3), and int64 labels (N,).
The sources are described in docs/datasets.md.
"""

from datasets.arrays import DatasetError, Images
from datasets.cifar10 import load_cifar10
from datasets.digits import load_digits
from datasets.mnist import load_mnist

LOADERS = {"mnist": load_mnist, "digits": load_digits, "cifar10": load_cifar10}


def load(name: str, part: str) -> Images:
    """Load a part, 'train' or 'test', of a data set: 'mnist', 'digits' or 'cifar10'."""
    if name not in LOADERS:
        raise DatasetError(f"dataset must be one of {', '.join(LOADERS)}, not {name!r}")
    return LOADERS[name](part)


__all__ = ["DatasetError", "Images", "LOADERS", "load", "load_cifar10", "load_digits", "load_mnist"]
