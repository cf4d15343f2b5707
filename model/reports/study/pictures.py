"""The study's pictures. The same figures give the same files: no dates, no random names, no display."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first
import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from model.reports.study.divergence import curves, total  # noqa: E402

_STYLE = {"svg.hashsalt": "study", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
_MARKER = {"post-training": "o", "weights only": "s", "fine-tuned": "^"}
_COLOUR = {
    ("post-training", "nearest"): "C0",
    ("post-training", "floor"): "C1",
    ("weights only", "nearest"): "C2",
    ("weights only", "floor"): "C3",
    ("fine-tuned", "nearest"): "C4",
}
_DPI = 110
_LOWEST_LOSS = 0.01  # percent points that the logarithmic axis can show: one image of 10,000


def draw_fractions(found: Dict[str, Any], directory: Path) -> List[Path]:
    """Accuracy over fraction bits, and what is lost against the float network on a logarithmic axis, a row per network."""
    names = list(found["networks"])
    figure, axes = plt.subplots(
        len(names), 2, figsize=(10, 3.4 * len(names)), layout="constrained", squeeze=False
    )
    for curve in curves(found):
        left, right = axes[names.index(curve["network"])]
        bits = [point["frac_bits"] for point in curve["points"]]
        accuracy = np.array([point["accuracy"] for point in curve["points"]])
        style = {
            "marker": _MARKER[curve["method"]],
            "color": _COLOUR[curve["method"], curve["rounding"]],
            "markersize": 4,
        }
        left.plot(bits, accuracy, label=f"{curve['method']}, {curve['rounding']}", **style)
        right.semilogy(
            bits,
            np.maximum(found["networks"][curve["network"]]["accuracy"] - accuracy, _LOWEST_LOSS),
            **style,
        )
    for name, (left, right) in zip(names, axes):
        network = found["networks"][name]
        left.axhline(
            network["accuracy"], color="black", linestyle=":", label=f"float, {network['accuracy']:.2f} %"
        )
        left.set(title=network["title"], ylabel="accuracy, %", ylim=(0, 102))
        left.legend(loc="lower right", fontsize=8)
        right.set(title="loss against float", ylabel=f"percent points, {_LOWEST_LOSS} or less at the bottom")
        for side in (left, right):
            side.set(xlabel=f"fraction bits n of Q{found['int_bits']}.n", xticks=found["frac_bits"])
    return [_save(figure, directory / "fractions.svg")]


def draw_divergence(found: Dict[str, Any], directory: Path) -> List[Path]:
    """found: the fraction study and "summary". KL of each layer over fraction bits, and accuracy over KL."""
    fractions, bins = found["fractions"], found["summary"]["bins"]
    names = list(fractions["networks"])
    figure, axes = plt.subplots(
        len(names), len(bins), figsize=(10, 3.2 * len(names)), layout="constrained", squeeze=False
    )
    for name, row in zip(names, axes):
        curve = next(
            curve
            for curve in curves(fractions)
            if curve["network"] == name and curve["method"] != "fine-tuned" and curve["rounding"] == "nearest"
        )
        for count, side in zip(bins, row):
            for layer, axis in enumerate(fractions["networks"][name]["layers"]):
                colour, points = f"C{layer}", curve["points"]
                side.plot(
                    [point["frac_bits"] for point in points],
                    [point["divergence"][count][layer] for point in points],
                    marker="o",
                    markersize=4,
                    color=colour,
                    label=f"layer {layer} ({axis})",
                )
                side.axvline(
                    fractions["networks"][name]["bin_bits"][count][layer],
                    color=colour,
                    linestyle=":",
                    linewidth=1,
                )
            side.set(
                title=f"{fractions['networks'][name]['title']}, {count} bins",
                xlabel="fraction bits",
                ylabel="KL, nats",
                xticks=fractions["frac_bits"],
            )
            side.legend(fontsize=8)
    layers = _save(figure, directory / "divergence.svg")
    figure, axes = plt.subplots(1, len(bins), figsize=(10, 3.8), layout="constrained", squeeze=False)
    for count, side in zip(bins, axes[0]):
        for (method, rounding), colour in _COLOUR.items():
            for name, fill in zip(names, ("full", "none", "left")):
                points = [
                    point
                    for point in fractions["points"]
                    if (point["network"], point["method"], point["rounding"]) == (name, method, rounding)
                ]
                if points:
                    side.plot(
                        [total(point, count) for point in points],
                        [point["accuracy"] for point in points],
                        linestyle="none",
                        marker=_MARKER[method],
                        color=colour,
                        fillstyle=fill,
                        markersize=5,
                        label=f"{name}: {method}, {rounding}",
                    )
        side.set(
            title=f"{count} bins",
            xlabel="KL summed over the layers, nats",
            ylabel="accuracy, %",
            xscale="log",
            ylim=(0, 102),
        )
    axes[0][0].legend(fontsize=7, loc="lower left")
    return [layers, _save(figure, directory / "accuracy_over_divergence.svg")]


def draw_confusion(found: Dict[str, Any], directory: Path) -> List[Path]:
    """Two matrices side by side, counts on a logarithmic colour scale."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    for side, (which, title) in zip(axes, (("float", "float"), ("integer", f"integer, {found['format']}"))):
        matrix = np.array(found[which]["confusion"])
        side.imshow(np.log1p(matrix), cmap="Blues")
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                side.text(
                    column,
                    row,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if row == column else "black",
                )
        side.set(
            title=f"{title}: {found[which]['accuracy']:.2f} %",
            xlabel="class",
            ylabel="label",
            xticks=range(10),
            yticks=range(10),
        )
        side.grid(False)
    return [_save(figure, directory / "confusion.svg")]


def draw_hidden(found: Dict[str, Any], directory: Path) -> List[Path]:
    """A column per digit: pixels, after the row layer, after the column layer; and the map of the test set."""
    digits = found["digits"]
    figure, axes = plt.subplots(3, 10, figsize=(12, 3.9), layout="constrained")
    for row, (key, title) in zip(
        axes, (("images", "input"), ("rows", "after rows"), ("columns", "after columns"))
    ):
        for side, codes in zip(row, np.array(digits[key])):
            limits = (
                {"cmap": "gray", "vmin": 0, "vmax": 255}
                if key == "images"
                else {"cmap": "gray", "vmin": -digits["one"], "vmax": digits["one"]}
            )
            side.imshow(codes, interpolation="nearest", **limits)
            side.set(xticks=[], yticks=[])
        row[0].set_ylabel(title)
    pictures = [_save(figure, directory / "hidden.png")]
    plane, labels = np.array(found["tsne"]["points"]), np.array(found["tsne"]["labels"])
    figure, side = plt.subplots(figsize=(7, 6), layout="constrained")
    for digit in range(10):
        side.scatter(*plane[labels == digit].T, s=3, linewidths=0, color=f"C{digit}", label=str(digit))
    side.legend(markerscale=4, fontsize=8)
    side.set(xticks=[], yticks=[])
    return pictures + [_save(figure, directory / "tsne.png")]


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    plt.close(figure)
    return path


DRAW: Dict[str, Callable[[Dict[str, Any], Path], List[Path]]] = {
    "fractions": draw_fractions,
    "divergence": draw_divergence,
    "confusion": draw_confusion,
    "hidden": draw_hidden,
}


def draw(part: str, found: Dict[str, Any], directory: Path) -> List[Path]:
    """The pictures of a part, of which comparison has none."""
    if part not in DRAW:
        return []
    with matplotlib.rc_context(_STYLE):
        return DRAW[part](found, directory)
