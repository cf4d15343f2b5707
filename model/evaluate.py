"""Evaluation: accuracy and confusion of a network file (with the integer reference) or of a checkpoint, ours or a published one."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional, Tuple

import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from datasets import DatasetError
from lst_overlay.network import classify, load_network, logits

from .checkpoint import load_checkpoint, selected_network
from .data import Part, load_test
from .integer_network import IntegerNetwork
from .published import load_published

_BATCH = 1000
PUBLISHED_SUFFIX = ".pth"
_PUBLISHED_DATASET = "mnist"  # what the published networks were trained for; their files do not say


@dataclass(frozen=True)
class Evaluation:
    """accuracy in percent; confusion[label][class] counts images.

    torch_exact_images: images whose logits, computed by torch from the file's integers, equal the reference's; None for floats.
    """

    file: str
    network: str
    dataset: str
    images: int
    accuracy: float
    correct: int
    torch_exact_images: Optional[int]
    confusion: list

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def to_text(self) -> str:
        lines = [f"{self.file} ({self.network}), {self.dataset} test set: {self.correct} of {self.images} correct, {self.accuracy:.2f} %"]
        if self.torch_exact_images is not None:
            lines.append(f"logits of torch equal to the integer reference: {self.torch_exact_images} of {self.images} images")
        lines.append("confusion (a row per label, a column per class):")
        lines += [" ".join(f"{count:5d}" for count in row) for row in self.confusion]
        return "\n".join(lines)


def evaluate(path, dataset: Optional[str] = None) -> Evaluation:
    """Run the test set. dataset: None means the one the network was trained for."""
    path = Path(path)
    if path.suffix == ".pt":
        state = load_checkpoint(path)
        name, dataset = state["recipe_name"], dataset or state["recipe"]["dataset"]
        part = load_test(dataset)
        classes, exact = _float_classes(selected_network(state), part), None
    elif path.suffix == PUBLISHED_SUFFIX:
        module = load_published(path)
        name, dataset = f"{module.kind} as published", dataset or _PUBLISHED_DATASET
        part = load_test(dataset)
        classes, exact = _float_classes(module, part), None
    else:
        network = load_network(path)
        name, dataset = network.name, dataset or network.provenance.get("dataset")
        if dataset is None:
            raise DatasetError(f"{path}: does not say what data set it was trained for; name one with --dataset")
        part = load_test(dataset)
        classes, exact = _integer_classes(network, part)
    labels = part.labels.numpy()
    correct = int((classes == labels).sum())
    matrix = confusion_matrix(labels, classes, labels=range(10))
    return Evaluation(path.name, name, dataset, len(labels), 100.0 * correct / len(labels), correct, exact, matrix.tolist())


def _batches(part: Part):
    return tqdm(part.images.split(_BATCH), unit="batch", leave=False)


def _float_classes(network: torch.nn.Module, part: Part) -> np.ndarray:
    with torch.no_grad():
        return np.concatenate([network(images).argmax(1).numpy() for images in _batches(part)])


def _integer_classes(network, part: Part) -> Tuple[np.ndarray, int]:
    """Classes of the reference, and the number of images on which torch gives the same logits."""
    module, classes, exact = IntegerNetwork(network), [], 0
    for images in _batches(part):
        logits_q = logits(network, images.numpy())
        exact += int((module(images).numpy() == logits_q).all(axis=1).sum())
        classes.append(classify(logits_q))
    return np.concatenate(classes), exact
