"""The pictures of docs/learned_functions.md. The same figures give the same files: no dates, no random names, no display."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lst_overlay.network import load_network
from lst_overlay.network.resmlp import Table
from model.reports.learned_functions import EXPANSIONS, FULL, FUNCTIONS, PUBLISHED, SHORT, cell

SHIPPED = Path("networks/resmlp_lerp_psa_h1.npz")
_STYLE = {"svg.hashsalt": "learned functions", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
_CHANNELS = 12


def draw(known: Dict[str, Dict[str, Any]], directory: Path) -> List[Path]:
    """Accuracy over hidden width, and the tables of the shipped network if it is there."""
    drawn = [_accuracy(known, directory / "learned_functions.svg")]
    return drawn + ([_tables(directory / "learned_tables.svg")] if SHIPPED.is_file() else [])


def _accuracy(known: Dict[str, Dict[str, Any]], path: Path) -> Path:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for number, (activation, name) in enumerate(FUNCTIONS.items()):
            axes.plot(
                EXPANSIONS,
                PUBLISHED[activation],
                color=f"C{number}",
                linestyle=":",
                marker=".",
                label=f"{name}, published, 500 epochs",
            )
            for recipe, words, style in ((SHORT, "20 epochs", "-"), (FULL, "500 epochs", "--")):
                _draw_cells(
                    axes,
                    known,
                    recipe,
                    activation,
                    f"{name}, {words}",
                    color=f"C{number}",
                    linestyle=style,
                    marker="o",
                    markersize=4,
                )
                _draw_cells(
                    axes,
                    known,
                    f"{recipe}_int8",
                    activation,
                    f"{name}, {words}, INT8",
                    color=f"C{number}",
                    linestyle="none",
                    marker="s",
                    markersize=6,
                    fillstyle="none",
                )
        axes.set(
            xscale="log",
            xlabel="hidden width h, over 96 channels",
            ylabel="accuracy, % of CIFAR-10's test images",
        )
        axes.set_xticks(EXPANSIONS, [f"{expansion:g}" for expansion in EXPANSIONS])
        axes.minorticks_off()
        axes.legend(fontsize=7)
        return _saved(figure, path)


def _draw_cells(
    axes, known: Dict[str, Dict[str, Any]], recipe: str, activation: str, label: str, **style
) -> None:
    """Mean and standard deviation of each cell that was run."""
    found = {expansion: cell(known, recipe, activation, expansion) for expansion in EXPANSIONS}
    found = {expansion: accuracies for expansion, accuracies in found.items() if accuracies}
    if found:
        axes.errorbar(
            list(found),
            [np.mean(accuracies) for accuracies in found.values()],
            yerr=[
                np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0 for accuracies in found.values()
            ],
            capsize=2,
            label=label,
            **style,
        )


def _tables(path: Path) -> Path:
    layers = load_network(SHIPPED).layers
    found = [(number, layer) for number, layer in enumerate(layers) if isinstance(layer, Table)]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        for place, (axes, (number, layer)) in enumerate(zip(figure.subplots(2, 4).T.flatten(), found)):
            x = (
                np.arange(-128, 128, 4)[:, None] * layers[number - 1].step
            )  # straight lines in between, in the picture as in the table
            axes.plot(x[:, :_CHANNELS], (layer.table_q.T * layer.step)[:, :_CHANNELS], linewidth=0.7)
            axes.set_title(
                f"block {place // 2 + 1}, {'before the first' if place % 2 == 0 else 'between the'} "
                f"{'matrix' if place % 2 == 0 else 'matrices'}",
                fontsize=9,
            )
        return _saved(figure, path)


def _saved(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path
