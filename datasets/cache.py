"""The user's cache of downloads and decoded images: a convenience, whose failure never stops a loader."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Callable, Sequence, Tuple, TypeVar

from datasets.arrays import DAMAGED, DatasetError, write_whole

Decoded = TypeVar("Decoded")
TIMEOUT_S = 30


class NotServedError(Exception):
    """No mirror served good content. The message says what each of them did."""


def cache_directory(dataset: str) -> Path:
    """The directory of a data set in platformdirs' user cache."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("lst-overlay", appauthor=False)) / dataset


def keep(path: Path, content: bytes) -> None:
    """Save a file in the cache, whole or not at all. If that fails, one line on stderr says so."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        print(f"{path}: not kept for the next time ({error.strerror or error})", file=sys.stderr)


def download(urls: Sequence[str], decode: Callable[[str, bytes], Decoded]) -> Tuple[bytes, Decoded]:
    """The content, and what it decodes to, of the first address that serves good content.

    decode: gets address and content, and raises an error of DAMAGED or DatasetError if it is not good.
    """
    import pooch

    failures = []
    for url in urls:
        served = io.BytesIO()
        try:
            pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_S)(url, served, None)
            return served.getvalue(), decode(url, served.getvalue())
        except DatasetError as error:
            failures.append(f"{url}: {error}")
        except DAMAGED as error:  # requests' errors are OSErrors, with long messages; their type says enough
            failures.append(f"{url}: {type(error).__name__}")
    raise NotServedError("; ".join(failures))
