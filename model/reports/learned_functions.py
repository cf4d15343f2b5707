"""ResMLP on CIFAR-10 with ReLU, B-splines and LERP-PSA over its hidden width: the runs, and what they cost.

A cell of the table is a recipe, a function and a hidden width; its figure is the mean over the seeds that
were run. A run reads the test set once, when its training is over, and no choice depends on that.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterator, List

import numpy as np
import torch

from model.quantized.resmlp import QuantizedResMLP
from model.reports.accuracy import percent, tested
from model.reports.operations import Operations, operations
from model.training.checkpoint import load_checkpoint
from model.training.experiments import EXPANSIONS, FUNCTIONS, RESMLP, SEEDS, TAUGHT, Group, resmlp_group
from model.training.recipe import Recipe
from model.training.train import directory_of
from pages.page import Figures

# Singh and Bazargan, ACM TRETS 18(2) 21, 2025: percent, by hidden width as in EXPANSIONS.
PUBLISHED = {
    "relu": (87.8, 86.2, 83.3, 78.8),
    "b_spline": (89.1, 87.7, 85.6, 84.1),
    "lerp_psa": (89.0, 88.3, 85.9, 84.2),
}
PUBLISHED_INT8 = {"relu": (87.9, 86.1, None, None), "lerp_psa": (None, 88.1, None, None)}
TEST_IMAGES = 10_000
OPERATIONS_OF_A_LOOK_UP = 11  # as the authors count them; a product is two


def finished(runs: Figures) -> Iterator[Group]:
    """Yield every cell with finished runs under build/train that ``runs`` lacks, with their seeds."""
    for recipe in TAUGHT:
        for activation in FUNCTIONS:
            for expansion in EXPANSIONS:
                group = resmlp_group(recipe, activation, expansion)
                seeds = [
                    seed
                    for seed in SEEDS
                    if _is_new(Recipe.from_settings(group.recipe, {**group.settings(), "seed": seed}), runs)
                ]
                if seeds:
                    yield dataclasses.replace(group, seeds=seeds)


def _is_new(recipe: Recipe, runs: Figures) -> bool:
    path = directory_of(recipe) / "checkpoint.pt"
    state = load_checkpoint(path) if path.is_file() else {}
    figures = runs.get(f"{recipe.name} {recipe.seed}", {})
    return "test_accuracy" in state and (
        (figures.get("selected_epoch"), figures.get("test"))
        != (state["selected"]["epoch"], percent(state["test_accuracy"]))
    )


def cell(runs: Figures, recipe: str, activation: str, expansion: float) -> List[float]:
    """Return the test accuracies of a cell, seed by seed, of the integers where there are integers."""
    keys = [f"{recipe}-{activation}-{expansion:g} {seed}" for seed in SEEDS]
    return [tested(runs[key]) for key in keys if key in runs]


def claims(runs: Figures) -> List[Dict[str, Any]]:
    """Compare LERP-PSA at a hidden width with ReLU at twice that width, in each precision that was run.

    The standard error of the difference is that of test images drawn at random, and of seeds if there are
    several of both.
    """
    rows = []
    for recipe in TAUGHT:
        for expansion in EXPANSIONS:
            ours, relu = cell(runs, recipe, "lerp_psa", expansion), cell(runs, recipe, "relu", 2 * expansion)
            if ours and relu:
                means = np.mean(ours), np.mean(relu)
                variance = sum(mean * (100 - mean) / TEST_IMAGES for mean in means)
                if min(len(ours), len(relu)) > 1:
                    variance = max(variance, sum(np.var(each, ddof=1) / len(each) for each in (ours, relu)))
                rows.append(
                    {
                        "recipe": recipe,
                        "expansion": expansion,
                        "lerp_psa": float(means[0]),
                        "relu": float(means[1]),
                        "difference": float(means[0] - means[1]),
                        "error": float(np.sqrt(variance)),
                    }
                )
    return rows


def counted_operations() -> List[Dict[str, Any]]:
    """Count what an image costs: LERP-PSA at each hidden width against ReLU at twice that width."""
    return [
        {
            "expansion": expansion,
            "lerp_psa": _costs("lerp_psa", expansion),
            "relu": _costs("relu", 2 * expansion),
        }
        for expansion in EXPANSIONS
    ]


def _costs(activation: str, expansion: float) -> Dict[str, int]:
    counted = _counted(activation, expansion)
    return {
        "products": counted.products,
        "look_ups": counted.look_ups,
        "affines": counted.affines,
        "bytes": counted.weight_bytes + counted.table_bytes,
        "operations": 2 * (counted.products + counted.affines) + OPERATIONS_OF_A_LOOK_UP * counted.look_ups,
    }


def _counted(activation: str, expansion: float) -> Operations:
    recipe = Recipe.named(f"{RESMLP}-{activation}-{expansion:g}")
    blank = torch.zeros(2, *QuantizedResMLP.image_shape, dtype=torch.uint8)
    return operations(QuantizedResMLP(recipe.new_network().eval()).calibrate(blank).export("n", {}))
