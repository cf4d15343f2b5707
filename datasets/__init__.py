"""Images and labels for training, tests and demonstrations, as NumPy arrays, without torch.

`load(name, part)` returns uint8 images, (N, 28, 28) or for CIFAR-10 (N, 32, 32, 3), and int64 labels (N,).
The sources are described in docs/datasets.md. A name that ends in .npz is a file of data of the user's own,
(N, side, side), which `load_own` reads whole: docs/own_data.md.
"""

from datasets.arrays import DatasetError, Images
from datasets.cifar10 import load_cifar10
from datasets.digits import load_digits
from datasets.mnist import load_mnist
from datasets.own import OwnData, is_own, load_own, load_own_part

LOADERS = {"mnist": load_mnist, "digits": load_digits, "cifar10": load_cifar10}


def load(name: str, part: str) -> Images:
    """Load a part, 'train' or 'test', of a data set: 'mnist', 'digits', 'cifar10' or an .npz file."""
    if is_own(name):
        return load_own_part(name, part)
    if name not in LOADERS:
        raise DatasetError(f"dataset must be one of {', '.join(LOADERS)} or a file .npz, not {name!r}")
    return LOADERS[name](part)


__all__ = [
    "DatasetError",
    "Images",
    "LOADERS",
    "OwnData",
    "is_own",
    "load",
    "load_cifar10",
    "load_digits",
    "load_mnist",
    "load_own",
]
