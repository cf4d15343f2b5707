"""Write the digits of the board's package and its networks' logits: `python -m datasets.sample_digits`."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import numpy as np

from datasets import load
from lst_overlay.network import load_network, logits
from lst_overlay.samples import digits as sample_digits
from lst_overlay.samples import shipped_networks
from lst_overlay.samples.photo import form_of_mnist

IMAGES = 100


def content() -> Dict[str, np.ndarray]:
    """The arrays of the file."""
    digits, labels = (array[:IMAGES] for array in load("digits", "test"))
    images = np.stack([form_of_mnist(digit / 255) for digit in digits])
    networks = [load_network(shipped_networks.find(name)) for name in shipped_networks.names("lst")]
    answers = {
        sample_digits.entry_name(network): logits(network, images).astype(np.int32) for network in networks
    }
    return {"images_mnist": images, "images_digits": digits, "labels": labels.astype(np.uint8), **answers}


def main(path: Path = sample_digits.FILE) -> None:
    np.savez_compressed(path, **content())
    print(f"{path.name}: {IMAGES} digits, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
