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
from lst_overlay.network.resmlp import Int8Network, holds_int8
from lst_overlay.network.resmlp import load_network as load_int8_network
from lst_overlay.network.resmlp import logits as int8_logits
from lst_overlay.network.resmlp import outputs as int8_outputs
from model.export.integer_network import IntegerNetwork
from model.networks import published_lst as published
from model.networks.published_resmlp import load_published_resmlp
from model.quantized.resmlp import Int8ResMLP
from model.quantized.resmlp_arithmetic import Int8IntegerNetwork
from model.training.checkpoint import load_checkpoint, recipe_of, selected_network
from model.training.data import Part, load_test

_BATCH = 1000
TENSOR_IMAGES = 100
# What published checkpoints end in, who reads them, and what their networks were trained for: the files do not say.
_PUBLISHED = {
    published.SUFFIX: (published.load_published, "mnist"),
    ".bin": (load_published_resmlp, "cifar10"),
}


@dataclass(frozen=True)
class Evaluation:
    """accuracy in percent; confusion[label][class] counts images.

    torch_exact_images: images whose logits, computed by torch from the file's integers, equal the reference's; None for floats.
    tensor_exact_images: of the first hundred, those of which every tensor in between does too; None for all but INT8 networks.
    epoch, epochs: of a checkpoint, how far its training is and how far it goes; the weights are those selected so far. None for files.
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
    epoch: Optional[int] = None
    epochs: Optional[int] = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def to_text(self) -> str:
        lines = [
            f"{self.file} ({self.network}), {self.dataset} test set: {self.correct} of {self.images} correct, {self.accuracy:.2f} %"
        ]
        if self.epoch != self.epochs:
            lines.append(f"not finished: training stopped after {self.epoch} of {self.epochs} epochs")
        if self.torch_exact_images is not None:
            lines.append(
                f"logits of torch equal to the integer reference: {self.torch_exact_images} of {self.images} images"
            )
        if self.tensor_exact_images is not None:
            lines.append(
                f"every tensor equal: {self.tensor_exact_images} of the first {min(TENSOR_IMAGES, self.images)} images"
            )
        lines.append("confusion (a row per label, a column per class):")
        lines += [" ".join(f"{count:5d}" for count in row) for row in self.confusion]
        return "\n".join(lines)


def evaluate(path, dataset: Optional[str] = None) -> Evaluation:
    """Run the test set. dataset: None means the one the network was trained for."""
    path = Path(path)
    exact = tensors = epoch = epochs = None
    if path.suffix == ".pt":
        state = load_checkpoint(path)
        epoch, epochs = state["epoch"], recipe_of(state).all_epochs
        module, name, dataset = (
            selected_network(state),
            state["recipe_name"],
            dataset or state["recipe"]["dataset"],
        )
        part = _test_images(path, dataset, getattr(module, "image_shape", None))
        if isinstance(module, Int8ResMLP):
            classes, exact, tensors = _int8_classes(module.export("n", {}), module, part)
        else:
            classes = _float_classes(module, part)
    elif path.suffix in _PUBLISHED:
        load, trained_for = _PUBLISHED[path.suffix]
        module = load(path)
        name, dataset = f"{module.kind} as published", dataset or trained_for
        part = _test_images(path, dataset, module.image_shape)
        classes = _float_classes(module, part)
    else:
        is_int8 = holds_int8(path)
        network = (load_int8_network if is_int8 else load_network)(path)
        name, dataset = network.name, dataset or network.provenance.get("dataset")
        if dataset is None:
            raise DatasetError(
                f"{path}: does not say what data set it was trained for; name one with --dataset"
            )
        part = _test_images(path, dataset, network.image_shape)
        if is_int8:
            classes, exact, tensors = _int8_classes(network, Int8IntegerNetwork(network), part)
        else:
            classes, exact = _integer_classes(network, part)
    labels = part.labels.numpy()
    correct = int((classes == labels).sum())
    matrix = confusion_matrix(labels, classes, labels=range(10))
    return Evaluation(
        path.name,
        name,
        dataset,
        len(labels),
        100.0 * correct / len(labels),
        correct,
        exact,
        tensors,
        matrix.tolist(),
        epoch,
        epochs,
    )


def _test_images(path: Path, dataset: str, shape: Optional[Tuple[int, ...]]) -> Part:
    """The test set, if its images have the shape that the network takes."""
    part = load_test(dataset)
    if shape is not None and tuple(part.images.shape[1:]) != tuple(shape):
        raise DatasetError(
            f"{path}: takes images of {' x '.join(map(str, shape))}, {dataset} has "
            f"{' x '.join(map(str, part.images.shape[1:]))}; leave out --dataset"
        )
    return part


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


def _int8_classes(network: Int8Network, module, part: Part) -> Tuple[np.ndarray, int, int]:
    """Likewise; and of the first images, on how many every tensor between pixels and logits is the same."""
    classes, exact = [], 0
    for images in _batches(part):
        logits_q = int8_logits(network, images.numpy())
        exact += int((module.logits_q(images).numpy() == logits_q).all(axis=1).sum())
        classes.append(classify(logits_q))
    images = part.images[:TENSOR_IMAGES]
    same = np.ones(len(images), dtype=bool)
    for ours, theirs in zip(int8_outputs(network, images.numpy()), module.codes(images)):
        same &= (theirs.numpy() == ours).reshape(len(images), -1).all(axis=1)
    return np.concatenate(classes), exact, int(same.sum())
