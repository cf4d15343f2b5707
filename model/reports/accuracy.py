"""The accuracy tables: every recipe they need, trained over its seeds, and the page that a command writes from the results.

A row is a network, a column a precision; the cell is the mean over seeds fixed beforehand. Each run reads the test set when its
training is over: once in its own arithmetic and, if it is quantised, once more with the integer reference. No choice is made by it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from lst_overlay.network import logits
from model.export.quantize import integer_accuracy
from model.networks.lst import parameters_of
from model.quantized.network import QuantizedNetwork
from model.reports.page_text import table
from model.reports.study import sweep
from model.reports.study.sweep import Point
from model.training.checkpoint import selected_network
from model.training.data import load_split, load_test
from model.training.recipe import Recipe
from model.training.train import train

RUNS = Path("build/accuracy")
RESULTS = Path("docs/accuracy.json")
PAGE = Path("docs/accuracy.md")

_HEAD = """# Accuracies

Written by `python -m model accuracy` from docs/accuracy.json, which the same command writes from the runs; the recipes are in
recipes/. MNIST, percent of the 10,000 test images, mean and standard deviation (of the sample) over the seeds. Weights are
selected on 5,000 validation images taken from the training set; the test set is read when a run is over. The seed that is
shipped is the best on validation, of equal ones the first.

## Ours
"""
_BETWEEN = """Integer rows are quantisation-aware fine-tuning of the float runs above them, seed by seed, measured with the integer
reference.

## The published recipe, and other networks
"""

_EARLIER = "Before the recipes were final, runs of earlier forms of them had read it nine times; nothing was decided by that."


@dataclass(frozen=True)
class Group:
    """A recipe run over seeds; `precision` heads its column, `published` is the figure to stand beside, in percent."""

    recipe: str
    network: str
    precision: str
    seeds: Sequence[int]
    published: str = ""

    def settings(self) -> Dict[str, Any]:
        return Recipe.named(self.recipe).settings()


FLOAT, W6A4P4, ROW_PARALLEL, P2 = (
    "float",
    "weights 6, activations 4, pixels 4 bits",
    "W1, W2 5, classifier 4, activations 4, pixels 4 bits",
    "weights 4, activations 4, pixels 2 bits",
)
TEACHER = Group("teacher", "convolutional teacher", FLOAT, range(1, 2))
STUDENTS = (
    Group("lst1", "LST-1", FLOAT, range(5), "98.37"),
    Group("lst1_w6a4p4", "LST-1", W6A4P4, range(5)),
    Group("lst1_w5c4a4p4", "LST-1", ROW_PARALLEL, range(5)),
    Group("lst1_w4a4p2", "LST-1", P2, range(5)),
    Group("lst2", "LST-2", FLOAT, range(3), "98.34"),
    Group("lst2_w6a4p4", "LST-2", W6A4P4, range(3)),
    Group("reslst3", "ResLST-3", FLOAT, range(3), "98.53"),
    Group("reslst3_w6a4p4", "ResLST-3", W6A4P4, range(3)),
)
PUBLISHED = (
    Group("published_lst1", "LST-1", "published recipe", range(3), "98.02"),
    Group("published_lst1_cosine", "LST-1", "published recipe, cosine", range(3), "98.37"),
    Group("published_lst2", "LST-2", "published recipe", range(1), "98.34"),
    Group("published_lst2_cosine", "LST-2", "published recipe, cosine", range(1)),
    Group("published_reslst3", "ResLST-3", "published recipe", range(1), "98.53"),
    Group("published_reslst3_cosine", "ResLST-3", "published recipe, cosine", range(1)),
)
OTHERS = (
    TEACHER,
    Group("lst1_tanh", "LST-1, tanh", FLOAT, range(1, 4)),
    Group("lst1_lerp_psa", "LST-1, LERP-PSA", FLOAT, range(1, 4)),
    Group("lst1_lerp_psa_channels", "LST-1, LERP-PSA, one a channel", FLOAT, range(1, 4)),
    Group("mlp_784_10", "784-10", FLOAT, range(1, 2)),
    Group("mlp_784_40_10", "784-40-10", FLOAT, range(1, 2)),
)


def run(recipe: str, settings: Dict[str, Any], device: str = "cpu") -> Dict[str, Any]:
    """Train, or resume, one run and measure it. recipe: its name, settings: as in its file. Accuracies are in percent."""
    chosen = Recipe.from_settings(recipe, settings)
    state = train(chosen, device=device)
    network = selected_network(state)
    figures = {
        "recipe": chosen.name,
        "seed": chosen.seed,
        "selected_epoch": state["selected"]["epoch"],
        "epochs": chosen.all_epochs,
        "parameters": parameters_of(chosen.new_network()),
        "validation": percent(state["selected"]["validation_accuracy"]),
        "test": percent(state["test_accuracy"]),
        "torch": state["torch"],
        "device": state["device"],
    }
    if isinstance(network, QuantizedNetwork):
        exported, test = network.export(chosen.name, {}), load_test(chosen.dataset)
        figures.update(
            integer_validation=integer_accuracy(exported, load_split(chosen.dataset).validation),
            integer_test=integer_accuracy(exported, test),
            sha256_without_provenance=exported.content_hash,
        )
        same = [
            (network.logits_q(images).numpy() == logits(exported, images.numpy())).all(axis=1)
            for images in test.images.split(1000)
        ]
        figures["torch_exact_images"] = int(np.concatenate(same).sum())
    return figures


def run_all(groups: Sequence[Group], jobs: int, scheduler: Optional[str] = None) -> Dict[str, Dict[str, Any]]:
    """Every run of the groups that is not yet finished, `jobs` side by side, ancestors first. Results by "recipe seed"."""
    results: Dict[str, Dict[str, Any]] = {}
    for stage in _stages(groups):
        points = [
            Point(
                f"{group.recipe}-{seed}",
                run,
                {"recipe": group.recipe, "settings": {**group.settings(), "seed": seed}},
            )
            for group in stage
            for seed in group.seeds
        ]
        # Nothing is taken from an earlier sweep: a finished run's checkpoint is, and train() knows whether it still holds.
        found = sweep.run(points, RUNS, jobs, scheduler, restart=True)
        results.update((f"{figures['recipe']} {figures['seed']}", figures) for figures in found.values())
    return results


def added(results: Dict[str, Dict[str, Any]], path: Path) -> Dict[str, Dict[str, Any]]:
    """All results in the file, these among them: the file is written anew."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known.update(results)
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return known


def write_page(results: Dict[str, Dict[str, Any]]) -> None:
    """Add the results to docs/accuracy.json and write docs/accuracy.md from it."""
    known = added(results, RESULTS)
    PAGE.write_text(page(known), encoding="utf-8")


def _stages(groups: Sequence[Group]) -> List[List[Group]]:
    """Groups whose recipes start from nothing, then those that a teacher teaches, then those that start from a trained network."""
    needs = [
        2 if "init_from" in group.settings() else 1 if "distillation" in group.settings() else 0
        for group in groups
    ]
    stages = [[group for group, need in zip(groups, needs) if need == wanted] for wanted in range(3)]
    return [stage for stage in stages if stage]


def percent(fraction: float) -> float:
    return round(100 * fraction, 4)


def page(results: Dict[str, Dict[str, Any]]) -> str:
    """results: "recipe seed" -> figures of `run` -> the page docs/accuracy.md."""
    lines = [_HEAD, *_matrix(STUDENTS, results), "", _BETWEEN, *_matrix(PUBLISHED + OTHERS, results)]
    lines += ["", "## Every run", ""]
    listed = [figures for group in STUDENTS + PUBLISHED + OTHERS for figures in _of(group, results)]
    lines += table(
        ["recipe", "seed", "selected epoch", "validation", "test", "integer test"],
        [
            [
                figures["recipe"],
                str(figures["seed"]),
                f"{figures['selected_epoch']} of {figures['epochs']}",
                f"{figures['validation']:.2f}",
                f"{figures['test']:.2f}",
                f"{figures['integer_test']:.2f}" if "integer_test" in figures else "",
            ]
            for figures in listed
        ],
    )
    reads = sum(2 if "integer_test" in figures else 1 for figures in listed)
    lines += ["", f"{len(listed)} runs are listed; they read the test set {reads} times.", _EARLIER, ""]
    return "\n".join(lines)


def _matrix(groups: Sequence[Group], results: Dict[str, Dict[str, Any]]) -> List[str]:
    """One line per group that has results: network, precision, accuracy, and the published figure where there is one."""
    rows = []
    for group in groups:
        found = _of(group, results)
        if found:
            tested = [figures.get("integer_test", figures["test"]) for figures in found]
            spread = f" +- {np.std(tested, ddof=1):.2f}" if len(tested) > 1 else ""
            seeds = ", ".join(str(figures["seed"]) for figures in found)
            rows.append(
                [
                    group.network,
                    group.precision,
                    f"{found[0]['parameters']:,}",
                    seeds,
                    f"{np.mean(tested):.2f}{spread}",
                    group.published,
                ]
            )
    return table(["network", "precision", "parameters", "seeds", "accuracy", "published"], rows)


def _of(group: Group, results: Dict[str, Dict[str, Any]]) -> List[Dict[str, Any]]:
    return [results[key] for key in (f"{group.recipe} {seed}" for seed in group.seeds) if key in results]
