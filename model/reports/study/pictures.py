"""The study's pictures. The same figures give the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np

from model.reports.study.divergence import curves, total
from pages.page import Figures
from pages.plot import INK, confusion_matrix, picture

_MARKER = {"post-training": "o", "weights only": "s", "fine-tuned": "^"}
_COLOUR = {
    ("post-training", "nearest"): "C0",
    ("post-training", "floor"): "C1",
    ("weights only", "nearest"): "C2",
    ("weights only", "floor"): "C3",
    ("fine-tuned", "nearest"): "C4",
}
_LOWEST_LOSS = 0.01  # percentage points that the logarithmic axis can show: one image of 10,000


def draw_fractions(fractions: Figures, directory: Path) -> List[Path]:
    """Draw a row per network: accuracy over fraction bits, and the loss against float, logarithmic."""
    path, networks = directory / "fractions.svg", fractions["networks"]
    drawn = curves(fractions)
    names = list(dict.fromkeys(curve["network"] for curve in drawn))
    with picture(path, (10, 3.4 * len(names)), len(names), 2) as axes:
        rows = dict(zip(names, np.reshape(axes, (-1, 2))))
        for curve in drawn:
            left, right = rows[curve["network"]]
            bits = [point["frac_bits"] for point in curve["points"]]
            accuracy = np.array([point["accuracy"] for point in curve["points"]])
            loss = np.maximum(networks[curve["network"]]["accuracy"] - accuracy, _LOWEST_LOSS)
            style = _style(curve["method"], curve["rounding"])
            left.plot(bits, accuracy, label=f"{curve['method']}, {curve['rounding']}", **style)
            right.semilogy(bits, loss, **style)
        for name, (left, right) in rows.items():
            network = networks[name]
            label = f"float, {network['accuracy']:.2f} %"
            left.axhline(network["accuracy"], color=INK, linestyle=":", label=label)
            left.set(title=network["title"], ylabel="accuracy, percent", ylim=(0, 102))
            left.legend(loc="lower right")
            right.set(
                title=f"loss against float ({_LOWEST_LOSS} or less at the bottom)", ylabel="percentage points"
            )
            for side in (left, right):
                side.set(
                    xlabel=f"fraction bits n of Q{fractions['int_bits']}.n", xticks=fractions["frac_bits"]
                )
    return [path]


def _style(method: str, rounding: str) -> Dict[str, Any]:
    return {"marker": _MARKER[method], "color": _COLOUR[method, rounding], "markersize": 4}


def draw_divergence(found: Figures, directory: Path) -> List[Path]:
    """Draw the divergence of each layer over fraction bits, and accuracy over divergence.

    found: the figures "fractions" and "summary".
    """
    fractions, bins = found["fractions"], found["summary"]["bins"]
    return [
        _draw_layers(fractions, bins, directory / "divergence.svg"),
        _draw_accuracy(fractions, bins, directory / "accuracy_over_divergence.svg"),
    ]


def _draw_layers(fractions: Figures, bins: List[str], path: Path) -> Path:
    nearest = [
        curve
        for curve in curves(fractions)
        if (curve["method"], curve["rounding"]) == ("post-training", "nearest")
    ]
    with picture(path, (10, 3.2 * len(nearest)), len(nearest), len(bins)) as axes:
        for curve, row in zip(nearest, np.reshape(axes, (-1, len(bins)))):
            network, points = fractions["networks"][curve["network"]], curve["points"]
            bits = [point["frac_bits"] for point in points]
            for count, side in zip(bins, row):
                for layer, axis in enumerate(network["layers"]):
                    colour, divergence = f"C{layer}", [point["divergence"][count][layer] for point in points]
                    side.plot(
                        bits, divergence, "o-", markersize=4, color=colour, label=f"layer {layer} ({axis})"
                    )
                    side.axvline(network["bin_bits"][count][layer], color=colour, linestyle=":", linewidth=1)
                side.set(title=f"{network['title']}, {count} bins", xlabel="fraction bits", ylabel="KL, nats")
                side.set_xticks(fractions["frac_bits"])
                side.legend()
    return path


def _draw_accuracy(fractions: Figures, bins: List[str], path: Path) -> Path:
    drawn: Dict[tuple, List[Figures]] = {}
    for point in fractions["points"]:
        drawn.setdefault((point["network"], point["method"], point["rounding"]), []).append(point)
    fills = dict(zip(dict.fromkeys(name for name, _, _ in drawn), ("full", "none", "left")))
    with picture(path, (10, 3.8), 1, len(bins)) as axes:
        for count, side in zip(bins, np.ravel(axes)):
            for (name, method, rounding), points in drawn.items():
                side.plot(
                    [total(point, count) for point in points],
                    [point["accuracy"] for point in points],
                    linestyle="none",
                    fillstyle=fills[name],
                    label=f"{name}: {method}, {rounding}",
                    **_style(method, rounding),
                )
            side.set(title=f"{count} bins", xscale="log", ylim=(0, 102))
            side.set(xlabel="KL summed over the layers, nats", ylabel="accuracy, percent")
        np.ravel(axes)[0].legend(fontsize=7, loc="lower left")
    return path


def draw_confusion(confusion: Figures, directory: Path) -> List[Path]:
    """Draw two matrices side by side."""
    path, titles = (
        directory / "confusion.svg",
        {"float": "float", "integer": f"integer, {confusion['format']}"},
    )
    with picture(path, (10, 4.6), 1, 2) as axes:
        for side, (which, title) in zip(axes[0], titles.items()):
            accuracy = f"{confusion[which]['accuracy']:.2f} %"
            confusion_matrix(side, confusion[which]["confusion"], f"{title}: {accuracy}")
    return [path]


def draw_hidden(hidden: Figures, directory: Path) -> List[Path]:
    """Draw pixels and codes, a column per digit, and the map of the test set."""
    digits = hidden["digits"]
    rows = {"images": "input", "rows": "after rows", "columns": "after columns"}
    with picture(directory / "hidden.png", (12, 3.9), 3, 10) as axes:
        for row, (key, title) in zip(axes, rows.items()):
            low, high = (0, 255) if key == "images" else (-digits["one"], digits["one"])
            for side, codes in zip(row, digits[key]):
                side.imshow(np.array(codes), interpolation="nearest", cmap="gray", vmin=low, vmax=high)
                side.set(xticks=[], yticks=[])
            row[0].set_ylabel(title)
    plane, labels = np.array(hidden["map"]["points"]), np.array(hidden["map"]["labels"])
    with picture(directory / "tsne.png", (7, 6)) as side:
        for digit in range(10):
            side.scatter(*plane[labels == digit].T, s=3, linewidths=0, color=f"C{digit}", label=str(digit))
        side.legend(markerscale=4)
        side.set(xticks=[], yticks=[])
    return [directory / "hidden.png", directory / "tsne.png"]


DRAW: Dict[str, Callable[[Figures, Path], List[Path]]] = {
    "divergence": draw_divergence,
    "confusion": draw_confusion,
    "hidden": draw_hidden,
}


def draw(part: str, found: Figures, directory: Path) -> List[Path]:
    """Draw the pictures of a part that its page does not draw itself."""
    return DRAW[part](found, directory) if part in DRAW else []
