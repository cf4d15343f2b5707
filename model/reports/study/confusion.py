"""Confusion matrices of the float network, and of the integer one made from it by the integer reference."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from lst_overlay.network import Network, QFormat, classify, logits
from model.quantized.fixed_point import quantize_post_training
from model.reports.study.settings import Settings
from model.reports.study.subjects import Subject, recipe_for
from model.reports.study.sweep import Point
from model.training.data import load_test

_NAME = "confusion"


def points(settings: Settings, subjects: Sequence[Subject]) -> List[Point]:
    return [
        Point(
            _NAME,
            confusion_point,
            {"subject": subjects[0], "dataset": recipe_for(settings).dataset, "fmt": settings.fmt},
        )
    ]


def assemble(settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]) -> Dict[str, Any]:
    return results[_NAME]


def integer_network(subject: Subject, fmt: QFormat) -> Network:
    return quantize_post_training(subject.load(), fmt).export(f"{subject.name}_{fmt}", {})


def confusion_point(subject: Subject, dataset: str, fmt: QFormat) -> Dict[str, Any]:
    """Return both confusion matrices, a row per label and a column per class.

    differing: the number of images that the two networks classify differently.
    """
    part, network = load_test(dataset), subject.load()
    with torch.no_grad():
        in_floats = torch.cat([network(images).argmax(1) for images in part.images.split(1000)]).numpy()
    in_integers = classify(logits(integer_network(subject, fmt), part.images.numpy()))
    labels = part.labels.numpy()
    differ = in_floats != in_integers
    return {
        "network": subject.name,
        "dataset": dataset,
        "format": str(fmt),
        "images": len(labels),
        "differing": int(differ.sum()),
        "differing_float_right": int((differ & (in_floats == labels)).sum()),
        "differing_integer_right": int((differ & (in_integers == labels)).sum()),
        "float": _describe(labels, in_floats),
        "integer": _describe(labels, in_integers),
    }


def _describe(labels: np.ndarray, classes: np.ndarray) -> Dict[str, Any]:
    correct = int((labels == classes).sum())
    return {
        "accuracy": round(100 * correct / len(labels), 4),
        "correct": correct,
        "confusion": confusion_matrix(labels, classes, labels=range(10)).tolist(),
    }
