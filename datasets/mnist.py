"""MNIST, from LST_DATA_DIR, from the user's cache, or by a download that is checked before it is saved."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

from datasets import idx
from datasets.arrays import DAMAGED, DatasetError, Images, check_part, damaged
from datasets.cache import NotServedError, cache_directory, download, keep

# sha256 of the uncompressed files. The .gz containers of the mirrors differ, their content does not.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NAME = "mnist"
_LAYOUTS = ("mnist", "MNIST/raw", "")  # ours, torchvision's, the files themselves


def load_mnist(part: str, mirrors: Sequence[str] = MIRRORS, cache: Optional[Path] = None) -> Images:
    """Load part 'train' (60,000) or 'test' (10,000).

    Raises DatasetError, whose message is one line that says what to do.
    """
    check_part(part)
    images, labels = (_array(name, mirrors, Path(cache or cache_directory(NAME))) for name in idx.FILES[part])
    return Images(images, labels.astype(np.int64))


def mnist_is_here(cache: Optional[Path] = None) -> bool:
    """True if `load_mnist` would not need the network."""
    return all(_find(name, Path(cache or cache_directory(NAME))) is not None for name in SHA256)


def _array(name: str, mirrors: Sequence[str], cache: Path) -> np.ndarray:
    """The array in a file, whose content is checked."""
    path = _find(name, cache)
    if path is None:
        return _download(name, mirrors, cache)
    try:
        content = idx.decompressed(path)
    except DAMAGED as error:
        raise damaged(path, error) from None
    return _checked(str(path), name, content)


def _find(name: str, cache: Path) -> Optional[Path]:
    """The path of a file, in LST_DATA_DIR or in the cache; None if it is missing."""
    given = os.environ.get("LST_DATA_DIR")
    directories = [*(Path(given) / layout for layout in _LAYOUTS if given), cache]
    found = (idx.find(directory, name) for directory in directories)
    return next((path for path in found if path is not None), None)


def _download(name: str, mirrors: Sequence[str], cache: Path) -> np.ndarray:
    """Fetch a file from the first mirror that serves good content, and keep it in the cache."""
    urls = [mirror.rstrip("/") + f"/{name}.gz" for mirror in mirrors]
    try:
        packed, array = download(urls, lambda url, content: _checked(url, name, gzip.decompress(content)))
    except NotServedError as error:
        raise DatasetError(
            f"MNIST's {name} is neither in LST_DATA_DIR nor in {cache}, and no mirror served it; "
            f"put the four files {', '.join(SHA256)} (or their .gz) into $LST_DATA_DIR/mnist or {cache}. "
            f"Tried: {error}"
        ) from None
    keep(cache / name, gzip.decompress(packed))
    return array


def _checked(where: str, name: str, content: bytes) -> np.ndarray:
    """The array in a file of MNIST. DatasetError if the content is not that of the original."""
    digest = hashlib.sha256(content).hexdigest()
    if digest == SHA256[name]:
        return idx.decode(content)
    try:
        idx.decode(content)
    except ValueError as error:
        raise damaged(where, error) from None
    raise DatasetError(
        f"{where}: a whole IDX file, but not MNIST's (its sha256 is {digest[:16]}..., "
        f"not {SHA256[name][:16]}...): another data set, such as Fashion-MNIST or KMNIST, is used as your "
        "own data (docs/own_data.md): python -m datasets pack FOLDER --out NAME.npz"
    )
