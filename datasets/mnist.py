"""MNIST, from LST_DATA_DIR, from the user's cache, or by a download that is checked before it is saved."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

from datasets.arrays import DatasetError, Images, check_part

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
_LAYOUTS = ("mnist", "MNIST/raw")  # ours, torchvision's
_PREFIX = {"train": "train", "test": "t10k"}


def load_mnist(part: str, mirrors: Sequence[str] = MIRRORS, cache: Optional[Path] = None) -> Images:
    """Load part 'train' (60,000) or 'test' (10,000).

    Raises DatasetError, whose message is one line that says what to do.
    """
    check_part(part)
    images = _content(f"{_PREFIX[part]}-images-idx3-ubyte", mirrors, cache)
    labels = _content(f"{_PREFIX[part]}-labels-idx1-ubyte", mirrors, cache)
    # IDX has a 4-byte magic, then one 32-bit size per dimension. The checksum has verified both.
    return Images(
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28).copy(),
        np.frombuffer(labels, np.uint8, offset=8).astype(np.int64),
    )


def mnist_is_here(cache: Optional[Path] = None) -> bool:
    """True if `load_mnist` would not need the network."""
    return all(_find(name, cache) is not None for name in SHA256)


def cache_directory() -> Path:
    """The directory for downloads, in platformdirs' user cache."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("lst-overlay", appauthor=False)) / "mnist"


def _content(name: str, mirrors: Sequence[str], cache: Optional[Path]) -> bytes:
    """The uncompressed content of a file, checked."""
    path = _find(name, cache)
    if path is None:
        return _download(name, mirrors, Path(cache or cache_directory()))
    try:
        content = _decompressed(path)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: damaged ({error}); delete it or put a good copy there") from None
    _check(str(path), name, content)
    return content


def _find(name: str, cache: Optional[Path]) -> Optional[Path]:
    """The path of a file or its .gz, from LST_DATA_DIR's layouts or the cache; None if it is missing."""
    directories = (
        [Path(os.environ["LST_DATA_DIR"]) / layout for layout in _LAYOUTS]
        if os.environ.get("LST_DATA_DIR")
        else []
    )
    directories.append(Path(cache or cache_directory()))
    candidates = [directory / (name + suffix) for directory in directories for suffix in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def _download(name: str, mirrors: Sequence[str], cache: Path) -> bytes:
    """Fetch a file from the first mirror that serves good content, and save it in the cache."""
    import pooch

    failures = []
    cache.mkdir(parents=True, exist_ok=True)
    for mirror in mirrors:
        url = mirror.rstrip("/") + f"/{name}.gz"
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            packed = Path(scratch) / f"{name}.gz"
            try:
                pooch.HTTPDownloader(progressbar=True, timeout=30)(url, str(packed), None)
                content = _decompressed(packed)
                _check(url, name, content)
            except (
                OSError,
                EOFError,
                ValueError,
                zlib.error,
                DatasetError,
            ) as error:  # requests' errors are OSErrors
                # The message of an error of requests is long; its type says enough.
                failures.append(
                    f"{url}: {error if isinstance(error, DatasetError) else type(error).__name__}"
                )
                continue
            unpacked = Path(scratch) / name
            unpacked.write_bytes(content)
            os.replace(unpacked, cache / name)
            return content
    raise DatasetError(
        f"MNIST's {name} is neither in LST_DATA_DIR nor in {cache}, and no mirror served it; "
        f"put the four files {', '.join(SHA256)} (or their .gz) into $LST_DATA_DIR/mnist or {cache}. "
        f"Tried: {'; '.join(failures)}"
    )


def _decompressed(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _check(where: str, name: str, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise DatasetError(
            f"{where}: damaged, sha256 of the uncompressed content is {digest[:16]}..., "
            f"not {SHA256[name][:16]}...; delete it or put a good copy there"
        )
