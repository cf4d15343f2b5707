"""docs/accuracy.md: trains every recipe of its tables over its seeds, and writes the page from the results.

A row is a network in a precision; its accuracy is the mean over seeds that were fixed beforehand. Each run
reads the test set when its training is over: once in its own arithmetic and, if it is quantised, once more
with the integer reference. No choice depends on that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from lst_overlay.network import logits
from model.export.quantize import integer_accuracy
from model.networks.lst import parameters_of
from model.quantized.network import QuantizedNetwork
from model.reports.study import sweep
from model.reports.study.sweep import Point
from model.training import epoch_log
from model.training.checkpoint import selected_network
from model.training.data import load_split, load_test
from model.training.experiments import OTHERS, PUBLISHED, STUDENTS, Group
from model.training.recipe import Recipe
from model.training.train import directory_of, train
from pages.page import Figures, Page

RUNS = Path("build/accuracy")


def run(recipe: str, settings: Dict[str, Any], device: str = "cpu") -> Dict[str, Any]:
    """Train one run, or resume it, and measure it.

    recipe: the name of the recipe. settings: those of its file. Returns the figures, accuracies in percent.
    """
    chosen = Recipe.from_settings(recipe, settings)
    state = train(chosen, device=device)
    network = selected_network(state)
    figures = {
        "recipe": chosen.name,
        "seed": chosen.seed,
        "selected_epoch": state["selected"]["epoch"],
        "epochs": chosen.epochs,
        "core_hours": epoch_log.core_hours(directory_of(chosen)),
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
    """Run what the groups have not finished, `jobs` in parallel, parents before their children.

    Returns the figures of every run by "recipe seed".
    """
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
        # An earlier sweep's results do not count; train() itself knows whether a finished checkpoint is still
        # valid.
        measured = sweep.run(points, RUNS, jobs, scheduler, restart=True)
        results.update((f"{figures['recipe']} {figures['seed']}", figures) for figures in measured.values())
    return results


def write_page(results: Figures) -> List[Path]:
    """Add the results to docs/accuracy.json and write docs/accuracy.md from it. Returns the files written."""
    return PAGE.write({**PAGE.figures(), **results})


def _stages(groups: Sequence[Group]) -> List[List[Group]]:
    """Order the groups: recipes without parents, those with a teacher, those that start from a network."""
    needs = [
        2 if "init_from" in group.settings() else 1 if "distillation" in group.settings() else 0
        for group in groups
    ]
    stages = [[group for group, need in zip(groups, needs) if need == wanted] for wanted in range(3)]
    return [stage for stage in stages if stage]


def percent(fraction: float) -> float:
    return round(100 * fraction, 4)


def view(results: Figures) -> Dict[str, Any]:
    """results: "recipe seed" -> figures of `run`."""
    runs = [figures for group in STUDENTS + PUBLISHED + OTHERS for figures in _of(group, results)]
    for figures in runs:
        figures.setdefault("integer_test", None)
    return {
        "ours": rows(STUDENTS, results),
        "others": rows(PUBLISHED + OTHERS, results),
        "runs": runs,
        "test_set_reads": sum(1 if figures["integer_test"] is None else 2 for figures in runs),
    }


def rows(groups: Sequence[Group], results: Figures) -> List[Dict[str, Any]]:
    """Return a row for each group that has results."""
    shown = []
    for group in groups:
        runs = _of(group, results)
        if runs:
            shown.append(
                {
                    "recipe": group.recipe,
                    "runs": len(runs),
                    "network": group.network,
                    "precision": group.precision,
                    "parameters": runs[0]["parameters"],
                    "seeds": ", ".join(str(figures["seed"]) for figures in runs),
                    "accuracy": mean_and_deviation([tested(figures) for figures in runs]),
                    "published": group.published,
                }
            )
    return shown


def tested(figures: Dict[str, Any]) -> float:
    """Return the test accuracy of a run, that of the integers if it has integers."""
    integer = figures.get("integer_test")
    return figures["test"] if integer is None else integer


def mean_and_deviation(accuracies: Sequence[float]) -> Optional[str]:
    """Return the mean and, for two or more, the standard deviation of the sample; None for an empty list."""
    if not accuracies:
        return None
    deviation = f" +- {np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else ""
    return f"{np.mean(accuracies):.2f}{deviation}"


def _of(group: Group, results: Figures) -> List[Dict[str, Any]]:
    keys = [f"{group.recipe} {seed}" for seed in group.seeds]
    return [dict(results[key]) for key in keys if key in results]


PAGE = Page(Path("docs/accuracy.md"), Path(__file__).parent / "templates" / "accuracy.md.j2", view)
