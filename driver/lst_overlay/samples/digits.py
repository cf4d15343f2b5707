"""A hundred handwritten digits that come with the package, with the logits of its networks for them.

They are for first steps and for `self_test`. They are the first hundred of the test part of scikit-learn's
digits, 8 x 8 pixels, brought to 28 x 28 pixels in two forms: that of MNIST, for which most networks are
trained, and scikit-learn's own. `python -m datasets.sample_digits` in a checkout writes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from ..network import Network

FILE = Path(__file__).resolve().parent / "digits.npz"
FORMS = ("mnist", "digits")


def load(form: str = FORMS[0]) -> Tuple[np.ndarray, np.ndarray]:
    """(100, 28, 28) uint8 images, bright on dark, and their (100,) int64 labels.

    form: the data set whose form the images have. "mnist": strokes of MNIST's width, scaled to 20 x 20 pixels
          and centred by mass, as the default network takes them. "digits": scikit-learn's digits, resampled,
          as lst1_digits takes them.
    """
    if form not in FORMS:
        raise ValueError(f"the sample digits have the forms {' and '.join(map(repr, FORMS))}, not {form!r}")
    with np.load(str(FILE), allow_pickle=False) as file:
        return file[f"images_{form}"], file["labels"].astype(np.int64)


def stored_logits(network: Network) -> Optional[np.ndarray]:
    """Logits (100, 10) int32 of the images in MNIST's form, computed when the file was written.

    None if it has none for this network.
    """
    with np.load(str(FILE), allow_pickle=False) as file:
        name = entry_name(network)
        return file[name] if name in file.files else None


def entry_name(network: Network) -> str:
    """The name of the file's array with the logits of a network."""
    return "logits_" + network.content_hash
