"""Accuracy and confusion, on a test set, of a network file or of a checkpoint, ours or a published one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from torch import nn
from tqdm import tqdm

from datasets import DatasetError, is_own, load_own
from lst_overlay.network import Network, classify, load_network, logits, outputs
from model.networks import published_lst as published
from model.networks.published_resmlp import load_published_resmlp
from model.quantized.families import integers_of
from model.quantized.network import IntegerModule, QuantizedNetwork
from model.training.checkpoint import CheckpointError, load_checkpoint, recipe_of, selected_network
from model.training.data import Part, load_test

_BATCH = 1000
TENSOR_IMAGES = 100
# For each suffix of a published checkpoint: its reader, and the data set of its networks.
_PUBLISHED = {
    published.SUFFIX: (published.load_published, "mnist"),
    ".bin": (load_published_resmlp, "cifar10"),
}


@dataclass(frozen=True)
class Evaluation:
    """accuracy in percent; confusion[label][class] counts images.

    torch_exact_images: the images for which torch, computing in integers, gives the logits of the
        reference; None for a network in real numbers.
    tensor_exact_images: of the first hundred images, those for which every layer's output is equal, too.
    class_names: of the data or of the network; None if the classes have only numbers.
    epoch, epochs: for a checkpoint, the epochs trained so far and those of the whole recipe; the evaluated
        weights are those that validation selected so far. None for other files.
    """

    file: str
    network: str
    dataset: str
    images: int
    accuracy: float
    correct: int
    torch_exact_images: Optional[int]
    tensor_exact_images: Optional[int]
    confusion: list
    class_names: Optional[List[str]] = None
    epoch: Optional[int] = None
    epochs: Optional[int] = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def to_text(self) -> str:
        lines = [
            f"{self.file} ({self.network}), {self.dataset} test set: "
            f"{self.correct} of {self.images} correct, {self.accuracy:.2f} %"
        ]
        if self.epoch != self.epochs:
            lines.append(f"not finished: training stopped after {self.epoch} of {self.epochs} epochs")
        if self.torch_exact_images is not None:
            lines.append(
                "logits of torch equal to the integer reference: "
                f"{self.torch_exact_images} of {self.images} images"
            )
        if self.tensor_exact_images is not None:
            lines.append(
                f"every tensor equal: {self.tensor_exact_images} "
                f"of the first {min(TENSOR_IMAGES, self.images)} images"
            )
        lines.append("confusion (a row per label, a column per class):")
        names = self.class_names or [""] * len(self.confusion)
        width = max(len(str(count)) for row in self.confusion for count in row)
        for name, row in zip(names, self.confusion):
            counts = " ".join(f"{count:{width}d}" for count in row)
            lines.append(f"{name.ljust(max(map(len, names)))} {counts}")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Subject:
    """What a file holds to be evaluated. integers: None for a network in real numbers.

    trained_for: the data set; None if the file does not say. image_shape: None if the network takes any.
    class_names: None if the file does not name the classes.
    """

    name: str
    trained_for: Optional[str]
    image_shape: Optional[Tuple[int, ...]]
    module: nn.Module
    classes: int = 10
    class_names: Optional[List[str]] = None
    integers: Optional[Network] = None
    epochs: Dict[str, Any] = field(default_factory=dict)


def evaluate(path, dataset: Optional[str] = None) -> Evaluation:
    """Run the test set. dataset: None means the one the network was trained for."""
    return _evaluate(Path(path), _subject(Path(path)), dataset)


def evaluate_network(network: Network, path, dataset: Optional[str] = None) -> Evaluation:
    """As `evaluate`, for a network that was read from the file already."""
    return _evaluate(Path(path), _network_subject(network), dataset)


def _evaluate(path: Path, subject: _Subject, dataset: Optional[str]) -> Evaluation:
    dataset = dataset or subject.trained_for
    if dataset is None:
        raise DatasetError(f"{path}: does not say what data set it was trained for; name one with --dataset")
    part = _test_images(path, dataset, subject.image_shape)
    class_names = _class_names(path, dataset, subject)
    exact = tensors = None
    if subject.integers is None:
        classes = _real_classes(subject.module, part)
    else:
        classes, exact = _integer_classes(subject.integers, subject.module, part)
        tensors = _equal_outputs(subject.integers, subject.module, part.images[:TENSOR_IMAGES])
    labels = part.labels.numpy()
    correct = int((classes == labels).sum())
    return Evaluation(
        path.name,
        subject.name,
        dataset,
        len(labels),
        100.0 * correct / len(labels),
        correct,
        exact,
        tensors,
        confusion_matrix(labels, classes, labels=range(subject.classes)).tolist(),
        class_names,
        **subject.epochs,
    )


def _subject(path: Path) -> _Subject:
    if path.suffix in (".pt", *_PUBLISHED) and path.is_file() and not path.stat().st_size:
        raise CheckpointError(f"{path}: the file is empty")
    if path.suffix == ".pt":
        state = load_checkpoint(path)
        module, recipe = selected_network(state), recipe_of(state)
        return _Subject(
            state["recipe_name"],
            state["recipe"]["dataset"],
            getattr(module, "image_shape", None),
            module,
            recipe.classes,
            recipe.own_data and recipe.own_data.names,
            module.export(state["recipe_name"], {}) if isinstance(module, QuantizedNetwork) else None,
            {"epoch": state["epoch"], "epochs": recipe.epochs},
        )
    if path.suffix in _PUBLISHED:
        load, trained_for = _PUBLISHED[path.suffix]
        module = load(path)
        return _Subject(f"{module.kind} as published", trained_for, module.image_shape, module)
    return _network_subject(load_network(path))


def _network_subject(network: Network) -> _Subject:
    dataset = network.provenance.get("dataset")
    names = list(network.class_names) if "class_names" in network.provenance else None
    return _Subject(
        network.name, dataset, network.image_shape, integers_of(network), network.classes, names, network
    )


def _test_images(path: Path, dataset: str, shape: Optional[Tuple[int, ...]]) -> Part:
    """The test set, if its images have the shape that the network takes."""
    part = load_test(dataset)
    if shape is not None and tuple(part.images.shape[1:]) != tuple(shape):
        raise DatasetError(
            f"{path}: takes images of {' x '.join(map(str, shape))}, {dataset} has "
            f"{' x '.join(map(str, part.images.shape[1:]))}; leave out "
            f"{'--data' if is_own(dataset) else '--dataset'}"
        )
    return part


def _class_names(path: Path, dataset: str, subject: _Subject) -> Optional[List[str]]:
    """The names of the classes. DatasetError unless the data have the network's classes in the same order."""
    data = list(load_own(dataset).names) if is_own(dataset) else None
    classes = 10 if data is None else len(data)
    if classes != subject.classes:
        raise DatasetError(f"{path}: has {subject.classes} classes, {dataset} has {classes}")
    if data and subject.class_names and data != subject.class_names:
        raise DatasetError(
            f"{path}: its classes are {', '.join(subject.class_names)}, in this order, "
            f"those of {dataset} are {', '.join(data)}"
        )
    return subject.class_names or data


def _batches(part: Part):
    return tqdm(part.images.split(_BATCH), unit="batch", leave=False)


@torch.no_grad()
def _real_classes(network: nn.Module, part: Part) -> np.ndarray:
    """The classes of a network in real numbers."""
    return np.concatenate([network(images).argmax(1).numpy() for images in _batches(part)])


def _integer_classes(network: Network, module: IntegerModule, part: Part) -> Tuple[np.ndarray, int]:
    """The classes by the reference, and the number of images for which torch gives the same logits."""
    classes: List[np.ndarray] = []
    exact = 0
    for images in _batches(part):
        logits_q = logits(network, images.numpy())
        exact += int((module.logits_q(images).numpy() == logits_q).all(axis=1).sum())
        classes.append(classify(logits_q))
    return np.concatenate(classes), exact


def _equal_outputs(network: Network, module: IntegerModule, images: torch.Tensor) -> int:
    """The number of images for which every layer's output in torch equals that of the reference."""
    same = np.ones(len(images), dtype=bool)
    for of_reference, of_torch in zip(outputs(network, images.numpy()), module.outputs_q(images)):
        same &= (of_torch.numpy() == of_reference).reshape(len(images), -1).all(axis=1)
    return int(same.sum())
