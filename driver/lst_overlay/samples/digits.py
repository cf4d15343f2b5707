"""A hundred handwritten digits that come with the package, with the logits of its networks for them.

They are for first steps and for `self_test`. They are the first hundred of the test part of scikit-learn's
digits, resampled to 28 x 28 pixels. `python -m datasets.sample_digits` in a checkout writes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from ..network import Network

FILE = Path(__file__).resolve().parent / "digits.npz"


def load() -> Tuple[np.ndarray, np.ndarray]:
    """(100, 28, 28) uint8 images, bright on dark, and their (100,) int64 labels."""
    with np.load(str(FILE), allow_pickle=False) as file:
        return file["images"], file["labels"].astype(np.int64)


def stored_logits(network: Network) -> Optional[np.ndarray]:
    """Logits (100, 10) int32, computed when the file was written; None if it has none for this network."""
    with np.load(str(FILE), allow_pickle=False) as file:
        name = entry_name(network)
        return file[name] if name in file.files else None


def entry_name(network: Network) -> str:
    """The name of the file's array with the logits of a network."""
    return "logits_" + network.content_hash
