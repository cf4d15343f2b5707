"""docs/learned_functions.md: ResMLP on CIFAR-10 with ReLU, B-splines and LERP-PSA over its hidden width, and what each costs.

A cell is a recipe, a function and a hidden width; its figure is the mean over the seeds that were run. Each run reads the test set
when its training is over. No choice is made by it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np
import torch

from model.quantized.resmlp import QuantizedResMLP
from model.reports.accuracy import RESULTS as MNIST_RESULTS
from model.reports.accuracy import Group, added, percent
from model.reports.operations import Operations, operations
from model.reports.page_text import table
from model.training.checkpoint import load_checkpoint
from model.training.recipe import Recipe
from model.training.train import directory_of

PAGE = Path("docs/learned_functions.md")
RESULTS = Path("docs/learned_functions.json")
BENCHMARK = Path("docs/activations.json")
FUNCTIONS = {"relu": "ReLU", "b_spline": "B-spline", "lerp_psa": "LERP-PSA"}
EXPANSIONS = (2.0, 1.0, 0.5, 0.25)
SEEDS = (1, 2, 3)
PUBLISHED = {
    "relu": (87.8, 86.2, 83.3, 78.8),
    "b_spline": (89.1, 87.7, 85.6, 84.1),
    "lerp_psa": (89.0, 88.3, 85.9, 84.2),
}
PUBLISHED_INT8 = {("relu", 2.0): 87.9, ("relu", 1.0): 86.1, ("lerp_psa", 1.0): 88.1}
SHORT, FULL = "resmlp_short", "resmlp"
OPERATIONS_OF_A_LOOK_UP = 11  # as the authors count them; a product is two
_HEAD = """# Learned functions

A network's fixed non-linearity can be replaced by functions of one variable that are learned, one for each channel. In hardware each is
a table of 64 bytes and an interpolation, so what a function knows need not be known by weights. This page measures that on ResMLP for
CIFAR-10 (64 tokens of 96 channels, four blocks; `h` is the hidden width over 96), the network of *Compressing Neural Networks using
Learnable 1-D Non-Linear Functions* (Singh, Bazargan; ACM TRETS 18(2) 21, 2025), and on LST-1. `python -m model learned` writes it.

- **LERP-PSA**: a softmax over eight straight lines, 26 numbers a function, on 64 knots; added to the identity.
- **B-spline**: 65 free knots, kept simple by a penalty on changes of slope; in place of the identity.
- **ReLU** stands in the middle of the channel MLP. The other two stand there and before it.

## Accuracy over hidden width

Percent of CIFAR-10's 10,000 test images; mean and standard deviation (of the sample) over seeds 1, 2, 3, or the one that was run.
45,000 images to train on; the epoch is selected on 5,000 validation images taken from the training set; a run reads the test set when
it is over. INT8 is trained as it will compute: int8 weights and codes, shifts, 64-entry tables; all images by the integer reference.
Before the recipe for INT8 was final, earlier forms of it had read the test set three times; nothing was decided by that.

![accuracy over hidden width](images/learned_functions.svg)

### The short recipe: 20 epochs from the labels, half an hour of a core
"""
_BETWEEN = """
### The recipe as published: a teacher, block by block, then distillation; 500 epochs
"""
_BELOW = """
The published figures belong to this second table: they took 500 epochs and a teacher, and kept the last epoch. The first table shows what
functions are worth under a budget that everyone has. Our recipes differ from the published ones in that the teacher learns from labels
alone, the learning rate falls to 0 instead of 1e-5, and pictures are moved bilinearly.
"""
_COSTS = """
## What they cost in an image

Counted from the layers of the INT8 network. A saving is LERP-PSA at h against ReLU at 2 h, the pairs that are published as about equally
accurate. Among operations a product counts as 2 and a look-up as 11, as the authors count. Published: 45 to 28 % fewer.
"""
_TABLES = """
## What they look like

The tables of networks/resmlp_lerp_psa_h1.npz as the accelerators compute them, normalisation and identity included; 12 channels in each
panel:

![learned functions](images/learned_tables.svg)

## What they cost in training
"""
MNIST = (
    ("lst1_tanh", "tanh"),
    ("lst1_lerp_psa", "LERP-PSA, one a layer"),
    ("lst1_lerp_psa_channels", "LERP-PSA, one a channel"),
    ("lst1", "piecewise linear, one a channel, of 9 knots; 300 epochs"),
)


def resmlp_group(recipe: str, activation: str, expansion: float, seeds: Sequence[int] = SEEDS) -> Group:
    """A cell."""
    precision = "INT8" if recipe.endswith("_int8") else "float"
    return Group(
        f"{recipe}-{activation}-{expansion:g}",
        f"ResMLP, h = {expansion:g}, {FUNCTIONS[activation]}",
        precision,
        seeds,
    )


def seeds_asked(expansion: float) -> Sequence[int]:
    return SEEDS if expansion == 1 else SEEDS[:1]


def asked() -> List[Group]:
    """The cells that two cores run in hours: 20 epochs from the labels, then five in integers."""
    return [
        resmlp_group(recipe, activation, expansion, seeds_asked(expansion))
        for recipe in (SHORT, f"{SHORT}_int8")
        for expansion in (1.0, 0.5)
        for activation in ("relu", "lerp_psa")
    ]


def groups(train: bool) -> List[Group]:
    """The cells with finished runs that the results do not hold yet, and those that are asked for, each with its seeds."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    seeds: Dict[str, set] = {}
    by_name = {}
    for group in [*finished(known), *(asked() if train else [])]:
        by_name[group.recipe] = group
        seeds.setdefault(group.recipe, set()).update(group.seeds)
    return [dataclasses.replace(group, seeds=sorted(seeds[name])) for name, group in by_name.items()]


def write_page(results: Dict[str, Dict[str, Any]]) -> None:
    """Add the results to docs/learned_functions.json, and write the page and its pictures from it."""
    from model.reports.learned_pictures import draw

    known = added(results, RESULTS)
    benchmark = json.loads(BENCHMARK.read_text(encoding="utf-8")) if BENCHMARK.is_file() else None
    mnist = json.loads(MNIST_RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(known, mnist, benchmark), encoding="utf-8")
    draw(known, PAGE.parent / "images")


def finished(known: Dict[str, Dict[str, Any]]) -> Iterator[Group]:
    """Every cell of which runs are finished under build/train that the results do not hold, with their seeds."""
    for recipe in (SHORT, f"{SHORT}_int8", FULL, f"{FULL}_int8"):
        for activation in FUNCTIONS:
            for expansion in EXPANSIONS:
                group = resmlp_group(recipe, activation, expansion)
                seeds = [
                    seed
                    for seed in SEEDS
                    if _is_new(Recipe.from_settings(group.recipe, {**group.settings(), "seed": seed}), known)
                ]
                if seeds:
                    yield dataclasses.replace(group, seeds=seeds)


def _is_new(recipe: Recipe, known: Dict[str, Dict[str, Any]]) -> bool:
    path = directory_of(recipe) / "checkpoint.pt"
    state = load_checkpoint(path) if path.is_file() else {}
    figures = known.get(f"{recipe.name} {recipe.seed}", {})
    return "test_accuracy" in state and (
        (figures.get("selected_epoch"), figures.get("test"))
        != (state["selected"]["epoch"], percent(state["test_accuracy"]))
    )


def cell(known: Dict[str, Dict[str, Any]], recipe: str, activation: str, expansion: float) -> List[float]:
    """Accuracies on the test set, seed by seed, of integers where there are integers."""
    found = (known.get(f"{recipe}-{activation}-{expansion:g} {seed}") for seed in SEEDS)
    return [figures.get("integer_test", figures["test"]) for figures in found if figures]


def page(
    known: Dict[str, Dict[str, Any]], mnist: Dict[str, Dict[str, Any]], benchmark: Optional[Dict[str, Any]]
) -> str:
    return "\n".join(
        [
            _HEAD,
            *_accuracies(known, SHORT),
            *_exact(known),
            _BETWEEN,
            *_accuracies(known, FULL),
            _BELOW,
            *_missing(known),
            _COSTS,
            *_operations(),
            _TABLES,
            *_benchmark(benchmark),
            "",
            "## LST-1 on MNIST",
            "",
            *_mnist(mnist),
            "",
        ]
    )


def _accuracies(known: Dict[str, Dict[str, Any]], recipe: str) -> List[str]:
    head = ["", *(f"h = {expansion:g}" for expansion in EXPANSIONS)]
    rows = []
    for activation, name in FUNCTIONS.items():
        rows.append([name, *(_mean(cell(known, recipe, activation, expansion)) for expansion in EXPANSIONS)])
        rows.append(
            [
                f"{name}, INT8",
                *(_mean(cell(known, f"{recipe}_int8", activation, expansion)) for expansion in EXPANSIONS),
            ]
        )
        if recipe == FULL:
            rows.append([f"{name}, published", *(f"{figure:.1f}" for figure in PUBLISHED[activation])])
            published = (PUBLISHED_INT8.get((activation, expansion)) for expansion in EXPANSIONS)
            rows.append(
                [f"{name}, INT8, published", *(f"{figure:.1f}" if figure else "" for figure in published)]
            )
    return table(head, rows)


def _exact(known: Dict[str, Dict[str, Any]]) -> List[str]:
    """What the runs in integers found when torch was compared with the integer reference."""
    found = [figures["torch_exact_images"] for figures in known.values() if "torch_exact_images" in figures]
    return (
        [
            "",
            f"In each of {len(found)} runs in integers torch and the integer reference gave the same ten logits on at least",
            f"{min(found):,} of the 10,000 test images.",
        ]
        if found
        else []
    )


def _mean(accuracies: List[float]) -> str:
    if not accuracies:
        return ""
    return f"{np.mean(accuracies):.2f}" + (
        f" +- {np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else ""
    )


def _missing(known: Dict[str, Dict[str, Any]]) -> List[str]:
    """How to fill what is empty."""
    full = not any(
        cell(known, FULL, activation, expansion) for activation in FUNCTIONS for expansion in EXPANSIONS
    )
    return (
        ["Empty cells were not run. A cell, here LERP-PSA at h = 0.25, and its INT8:", "", "```sh"]
        + [Recipe.named(f"{recipe}-lerp_psa-0.25").command for recipe in (SHORT, f"{SHORT}_int8")]
        + [
            "python -m model learned                     # the page, from all runs that are finished",
            "```",
            "",
        ]
        + (
            [
                "As published, with `--device cuda` on a GPU (not run: no GPU was at hand; about a day of a core):",
                "",
                "```sh",
                Recipe.named("resmlp_teacher-relu-4").command,
                *(Recipe.named(f"{recipe}-lerp_psa-1").command for recipe in (FULL, f"{FULL}_int8")),
                "```",
                "",
            ]
            if full
            else []
        )
    )


def _counted(activation: str, expansion: float) -> Operations:
    recipe = Recipe.named(f"{SHORT}-{activation}-{expansion:g}")
    blank = torch.zeros(2, *QuantizedResMLP.image_shape, dtype=torch.uint8)
    return operations(QuantizedResMLP(recipe.new_network().eval()).calibrate(blank).export("n", {}))


def _operations() -> List[str]:
    rows = []
    for expansion in EXPANSIONS:
        ours, theirs = _counted("lerp_psa", expansion), _counted("relu", 2 * expansion)
        counted = [
            2 * (one.products + one.affines) + OPERATIONS_OF_A_LOOK_UP * one.look_ups
            for one in (ours, theirs)
        ]
        bytes_ = [one.weight_bytes + one.table_bytes for one in (ours, theirs)]
        rows.append(
            [
                f"{expansion:g}",
                f"{ours.products:,}",
                f"{ours.look_ups:,}",
                f"{ours.affines:,}",
                f"{bytes_[0]:,}",
                f"{2 * expansion:g}",
                f"{theirs.products:,}",
                f"{bytes_[1]:,}",
                f"{100 * (1 - ours.products / theirs.products):.1f} %",
                f"{100 * (1 - counted[0] / counted[1]):.1f} %",
            ]
        )
    return table(
        [
            "h",
            "products",
            "look-ups",
            "affine products",
            "bytes",
            "ReLU at",
            "products",
            "bytes",
            "fewer products",
            "fewer operations",
        ],
        rows,
    )


def _benchmark(benchmark: Optional[Dict[str, Any]]) -> List[str]:
    if benchmark is None:
        return ["Not measured here yet: `python -m benchmarks.activations --write`."]
    kernels, steps = benchmark["kernels"], benchmark["steps"]
    lines = [
        f"`python -m benchmarks.activations --write`, {benchmark['where']}: a function for each of {benchmark['channels']} channels,",
        f"forward and backward over {benchmark['positions']:,} positions, least of {benchmark['repeats']} times. Memory is what is",
        "kept for the way back.",
        "",
    ]
    lines += table(
        ["function", "ms", "over ReLU", "over exact PSA", "memory, MB"],
        [
            [
                name,
                f"{1e3 * one['seconds']:.2f}",
                f"{one['seconds'] / kernels['ReLU']['seconds']:.1f}",
                f"{one['seconds'] / kernels['exact PSA']['seconds']:.3f}",
                f"{one['bytes'] / 1e6:.1f}",
            ]
            for name, one in kernels.items()
        ],
    )
    lines += ["", "A whole training step of ResMLP at h = 1, 128 images, optimiser included:", ""]
    return lines + table(
        ["network", "ms", "over ReLU"],
        [[name, f"{1e3 * seconds:.0f}", f"{seconds / steps['ReLU']:.2f}"] for name, seconds in steps.items()],
    )


def _mnist(mnist: Dict[str, Dict[str, Any]]) -> List[str]:
    rows = []
    for recipe, function in MNIST:
        found = [figures for key, figures in mnist.items() if key.split()[0] == recipe]
        if found:
            rows.append(
                [
                    function,
                    recipe,
                    f"{found[0]['parameters']:,}",
                    str(len(found)),
                    _mean([figures["test"] for figures in found]),
                ]
            )
    return [
        "From [the accuracies](accuracy.md), in float. In hardware all are tables and cost the same but for their number.",
        "",
        *table(["function", "recipe", "parameters", "seeds", "accuracy"], rows),
    ]
