"""Accuracy over the number of fraction bits: post-training, weights only, and with fine-tuning."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Sequence

import numpy as np
from torch import nn

from lst_overlay.network import QFormat
from model.quantized.fixed_point import ROUNDINGS, quantize_post_training, quantize_weights
from model.quantized.network import QuantizedNetwork
from model.reports.study.divergence import bin_bits, layer_divergences
from model.reports.study.fine_tuning import fine_tune
from model.reports.study.settings import Settings
from model.reports.study.subjects import Subject, recipe_for, recipe_of_subject
from model.reports.study.sweep import Point
from model.training.data import Part, load_split, load_test
from model.training.train import accuracy

POST_TRAINING, WEIGHTS_ONLY, FINE_TUNED = "post-training", "weights only", "fine-tuned"
_QUANTIZE = {POST_TRAINING: quantize_post_training, WEIGHTS_ONLY: quantize_weights}


def points(settings: Settings, subjects: Sequence[Subject]) -> List[Point]:
    """Return every network in every format by every method; only ours has a recipe and is fine-tuned."""
    dataset, listed = recipe_for(settings).dataset, []
    for subject in subjects:
        listed.append(
            Point(
                f"{subject.name}-float",
                float_point,
                {"subject": subject, "dataset": dataset, "bins": settings.bins},
            )
        )
        listed += [
            Point(
                _name(subject, method, rounding, fmt),
                post_training_point,
                {
                    "subject": subject,
                    "dataset": dataset,
                    "fmt": fmt,
                    "method": method,
                    "rounding": rounding,
                    "bins": settings.bins,
                },
            )
            for method in _QUANTIZE
            for rounding in ROUNDINGS
            for fmt in settings.formats + settings.extra_formats
        ]
    return listed + [
        Point(
            _name(subjects[0], FINE_TUNED, "nearest", fmt),
            fine_tuned_point,
            {
                "subject": subjects[0],
                "dataset": dataset,
                "fmt": fmt,
                "epochs": settings.fine_tuning_epochs,
                "rate": settings.fine_tuning_rate,
                "bins": settings.bins,
            },
        )
        for fmt in settings.formats
    ]


def assemble(settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]) -> Dict[str, Any]:
    listed = points(settings, subjects)
    return {
        "int_bits": settings.int_bits,
        "frac_bits": list(settings.frac_bits),
        "bins": list(settings.bins),
        "fine_tuning": {
            "epochs": settings.fine_tuning_epochs,
            "rate": settings.fine_tuning_rate,
            "seed": recipe_for(settings).seed,
        },
        "networks": {
            subject.name: {**subject.describe(), **results[f"{subject.name}-float"]} for subject in subjects
        },
        "points": [results[point.name] for point in listed if point.function is not float_point],
    }


def float_point(subject: Subject, dataset: str, bins: Sequence[int]) -> Dict[str, Any]:
    """Measure the float network, and the width of the bins of its weights' histograms."""
    network, part = subject.load(), load_test(dataset)
    return {
        "accuracy": percent(network, part),
        "images": len(part.labels),
        "dataset": dataset,
        "bin_bits": bin_bits(weights_of(network), bins),
        "layers": [stage.axis.value for stage in network.stages()],
        "largest_weight": max(float(np.abs(weights).max()) for weights in weights_of(network)),
    }


def post_training_point(
    subject: Subject, dataset: str, fmt: QFormat, method: str, rounding: str, bins: Sequence[int]
) -> Dict[str, Any]:
    """Quantise without training, by POST_TRAINING or WEIGHTS_ONLY, and measure."""
    network = subject.load()
    quantized = _QUANTIZE[method](network, fmt, rounding)
    return {
        **_describe(subject, method, rounding, fmt),
        "accuracy": percent(quantized, load_test(dataset)),
        "divergence": layer_divergences(weights_of(network), _quantized_weights(quantized), bins),
    }


def fine_tuned_point(
    subject: Subject, dataset: str, fmt: QFormat, epochs: int, rate: float, bins: Sequence[int]
) -> Dict[str, Any]:
    """Fine-tune and measure; the divergence compares the fine-tuned weights, real and quantised."""
    recipe = recipe_of_subject(subject)
    recipe = dataclasses.replace(
        recipe,
        epochs=epochs,
        calm_epochs=min(epochs, recipe.calm_epochs),
        learning_rate=rate,
        schedule="one_cycle",
    )
    split = load_split(dataset)
    quantized = fine_tune(subject.load(), fmt, recipe, split)
    real = [layer.weight.detach().double().numpy() for layer in quantized.layers]
    return {
        **_describe(subject, FINE_TUNED, "nearest", fmt),
        "accuracy": percent(quantized, load_test(dataset)),
        "validation_accuracy": percent(quantized, split.validation),
        "divergence": layer_divergences(real, _quantized_weights(quantized), bins),
    }


def percent(network: nn.Module, part: Part) -> float:
    """Return the percentage of images that the network classifies correctly."""
    return round(100 * accuracy(network, part), 4)


def weights_of(network: nn.Module) -> List[np.ndarray]:
    """Return the weights layer by layer, float64."""
    return [stage.linear.weight.detach().double().numpy() for stage in network.stages()]


def _quantized_weights(network: nn.Module) -> List[np.ndarray]:
    """Return the values of the weights that a quantised network computes with."""
    if isinstance(network, QuantizedNetwork):
        return [layer.weights_q * layer.weights_step for layer in network.export("study", {}).layers]
    return weights_of(network)


def _describe(subject: Subject, method: str, rounding: str, fmt: QFormat) -> Dict[str, Any]:
    return {
        "network": subject.name,
        "method": method,
        "rounding": rounding,
        "format": str(fmt),
        "int_bits": fmt.int_bits,
        "frac_bits": fmt.frac_bits,
    }


def _name(subject: Subject, method: str, rounding: str, fmt: QFormat) -> str:
    return f"{subject.name}-{method.replace(' ', '_')}-{rounding}-{fmt}"
