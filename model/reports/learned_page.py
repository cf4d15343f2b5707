"""docs/learned_functions.md and its pictures, from the runs, the benchmark and docs/accuracy.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from lst_overlay.network import load_network
from lst_overlay.network.resmlp import Table
from model.reports import accuracy
from model.reports.accuracy import mean_and_deviation
from model.reports.learned_functions import PUBLISHED, PUBLISHED_INT8, cell, claims, counted_operations
from model.training.experiments import EXPANSIONS, FUNCTIONS, OTHERS, PRECISIONS, RESMLP, STUDENTS
from pages.page import Figures, Page
from pages.plot import picture

BENCHMARK = Path("docs/activations.json")
SHIPPED = Path("driver/lst_overlay/samples/networks/resmlp_lerp_psa_h1_w5a6.npz")
_CHANNELS = 12  # of each table's, those that are drawn
_MARKERS = {  # of each precision
    "": {"linestyle": "-", "marker": "o", "markersize": 4},
    "_int8": {"linestyle": "none", "marker": "s", "markersize": 6, "fillstyle": "none"},
    "_w5a6": {"linestyle": "none", "marker": "^", "markersize": 7, "fillstyle": "none"},
}
_MNIST = {  # the functions of LST-1 that are compared, by recipe
    "lst1_tanh": "tanh",
    "lst1_lerp_psa": "LERP-PSA, one per layer",
    "lst1_lerp_psa_channels": "LERP-PSA, one per channel",
    "lst1": "piecewise linear, one per channel, of 9 knots; 300 epochs",
}


def write_page(results: Figures) -> List[Path]:
    """Add the results of runs to docs/learned_functions.json, and write the page and its pictures from it."""
    return PAGE.write({"runs": {**runs_kept(), **results}, "operations": counted_operations()})


def runs_kept() -> Figures:
    """Return the runs that are kept, "recipe seed" -> figures of `accuracy.run`."""
    return PAGE.figures().get("runs", {})


def _view(figures: Figures) -> Dict[str, Any]:
    benchmark = json.loads(BENCHMARK.read_text(encoding="utf-8")) if BENCHMARK.is_file() else None
    return view(figures, accuracy.PAGE.figures(), benchmark)


def view(figures: Figures, mnist: Figures, benchmark: Optional[Figures]) -> Dict[str, Any]:
    runs = figures["runs"]
    exact = [run["torch_exact_images"] for run in runs.values() if "torch_exact_images" in run]
    return {
        "widths": {f"h = {width:g}": f"{{cells[{width:g}]}}" for width in EXPANSIONS},
        "accuracies": [
            *_accuracies(runs),
            *_published("", PUBLISHED),
            *_published(", INT8", PUBLISHED_INT8),
        ],
        "trained": [
            {**run, "tested": accuracy.tested(run), "core_hours": run.get("core_hours")}
            for run in runs.values()
        ],
        "claims": claims(runs),
        "integer_runs": len(exact),
        "exact_images": min(exact, default=None),
        "operations": [_compared(row) for row in figures["operations"]],
        "benchmark": benchmark,
        "kernels": benchmark and _relative(benchmark["kernels"], "function", "ReLU", "exact PSA"),
        "steps": benchmark and _relative(benchmark["steps"], "network", "ReLU"),
        "mnist": [
            {**row, "function": _MNIST[row["recipe"]]}
            for row in accuracy.rows(OTHERS + STUDENTS, mnist)
            if row["recipe"] in _MNIST
        ],
    }


def _accuracies(runs: Figures) -> List[Dict[str, Any]]:
    """Return a row for each function and precision that was run."""
    rows = [
        {
            "function": ", ".join(filter(None, (name, precision))),
            "cells": {
                f"{width:g}": mean_and_deviation(cell(runs, f"{RESMLP}{end}", activation, width))
                for width in EXPANSIONS
            },
        }
        for activation, name in FUNCTIONS.items()
        for end, precision in PRECISIONS.items()
    ]
    return [row for row in rows if any(row["cells"].values())]


def _published(precision: str, accuracies: Dict[str, Sequence[Optional[float]]]) -> List[Dict[str, Any]]:
    return [
        {
            "function": f"{FUNCTIONS[activation]}{precision}, published",
            "cells": {f"{width:g}": percent for width, percent in zip(EXPANSIONS, row)},
            "of_others": True,
        }
        for activation, row in accuracies.items()
    ]


def _compared(row: Figures) -> Dict[str, Any]:
    """Add what LERP-PSA saves against ReLU, in percent."""
    saved = {
        what: 100 * (1 - row["lerp_psa"][what] / row["relu"][what]) for what in ("products", "operations")
    }
    return {**row, "saved": saved, "relu_expansion": 2 * row["expansion"]}


def _relative(rows: List[Figures], key: str, *references: str) -> List[Dict[str, Any]]:
    """Add milliseconds, and the time over that of each reference."""
    seconds = {row[key]: row["seconds"] for row in rows}
    return [
        {
            **row,
            "ms": 1e3 * row["seconds"],
            "megabytes": row.get("bytes", 0) / 1e6,
            "over": {reference: row["seconds"] / seconds[reference] for reference in references},
        }
        for row in rows
    ]


def draw(figures: Figures, directory: Path) -> List[Path]:
    """Draw accuracy over hidden width and, if the shipped network is there, its tables."""
    directory = directory / "images"
    drawn = [_draw_accuracy(figures["runs"], directory / "learned_functions.svg")]
    return drawn + ([_draw_tables(directory / "learned_tables.svg")] if SHIPPED.is_file() else [])


def _draw_accuracy(runs: Figures, path: Path) -> Path:
    with picture(path, (9, 4)) as axes:
        for number, (activation, name) in enumerate(FUNCTIONS.items()):
            label = {"color": f"C{number}", "label": f"{name}, published, 500 epochs"}
            axes.plot(EXPANSIONS, PUBLISHED[activation], linestyle=":", marker=".", **label)
            for end, precision in PRECISIONS.items():
                label["label"] = ", ".join(filter(None, (name, precision)))
                _draw_cells(axes, runs, f"{RESMLP}{end}", activation, **_MARKERS[end], **label)
        axes.set(xscale="log", xlabel="hidden width h, in units of 96 channels")
        axes.set_ylabel("accuracy, percent of CIFAR-10's test images")
        axes.set_xticks(EXPANSIONS, [f"{width:g}" for width in EXPANSIONS])
        axes.minorticks_off()
        axes.figure.legend(loc="outside right upper")
    return path


def _draw_cells(axes, runs: Figures, recipe: str, activation: str, **style: Any) -> None:
    """Draw means, with the standard deviation of the sample, of the cells that were run."""
    cells = {width: cell(runs, recipe, activation, width) for width in EXPANSIONS}
    cells = {width: accuracies for width, accuracies in cells.items() if accuracies}
    means = [np.mean(accuracies) for accuracies in cells.values()]
    deviations = [np.std(each, ddof=1) if len(each) > 1 else 0.0 for each in cells.values()]
    if cells:
        axes.errorbar(list(cells), means, yerr=deviations, capsize=2, **style)


def _draw_tables(path: Path) -> Path:
    layers = load_network(SHIPPED).layers
    tables = [(number, layer) for number, layer in enumerate(layers) if isinstance(layer, Table)]
    with picture(path, (10, 4.6), 2, 4) as panels:
        for place, (axes, (number, layer)) in enumerate(zip(panels.T.flatten(), tables)):
            # The picture joins entries by straight lines, as the interpolation does.
            x = np.arange(-128, 128, 4)[:, None] * layers[number - 1].step
            axes.plot(x[:, :_CHANNELS], (layer.table_q.T * layer.step)[:, :_CHANNELS], linewidth=0.7)
            where = "before the first matrix" if place % 2 == 0 else "between the matrices"
            axes.set_title(f"block {place // 2 + 1}, {where}", fontsize=9)
        for axes in panels[1]:
            axes.set_xlabel("input")
        for axes in panels[:, 0]:
            axes.set_ylabel("output")
    return path


PAGE = Page(
    Path("docs/learned_functions.md"),
    Path(__file__).parent / "templates" / "learned_functions.md.j2",
    _view,
    draw,
)
