"""A hundred handwritten digits that come with the package, and what its networks answer: for first steps and for `self_test`.

They are scikit-learn's (the first of the test part), in this project's 28 x 28 pixels; `python -m datasets.sample_digits` in a checkout
writes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from ..network import Network, content_hash

FILE = Path(__file__).resolve().parent / "digits.npz"


def load() -> Tuple[np.ndarray, np.ndarray]:
    """(100, 28, 28) uint8 images, bright on dark, and their (100,) int64 labels."""
    with np.load(str(FILE), allow_pickle=False) as file:
        return file["images"], file["labels"].astype(np.int64)


def stored_logits(network: Network) -> Optional[np.ndarray]:
    """(100, 10) int32 as computed when the file was written; None if it does not know this network."""
    with np.load(str(FILE), allow_pickle=False) as file:
        name = entry_name(network)
        return file[name] if name in file.files else None


def entry_name(network: Network) -> str:
    """Of its logits in the file."""
    return "logits_" + content_hash(network)
