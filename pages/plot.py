"""Pictures that are readable on light and on dark pages; the same figures give the same bytes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Tuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

# Grey of text, axes and reference lines: its contrast with white, and with the site's dark background, is
# about 4.
INK = "#808080"
_DPI = 110
# Matplotlib's ten colours, with a blue in the place of the grey.
_COLOURS = [*matplotlib.color_sequences["tab10"]]
_COLOURS[7] = "#5a5aff"
_STYLE = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": matplotlib.cycler(color=_COLOURS),
    "axes.titlecolor": INK,
    "font.size": 9,
    "grid.alpha": 0.2,
    "grid.color": INK,
    "grid.linewidth": 0.5,
    "legend.edgecolor": INK,
    "legend.facecolor": "none",
    "legend.fontsize": 8,
    "savefig.transparent": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def picture(
    path: Path, size: Tuple[float, float], rows: int = 1, columns: int = 1, **options: Any
) -> Iterator:
    """Yields the axes to draw on, an array of them if there are several, and writes the file: .svg or .png.

    size: inches. options: of Figure.subplots, such as sharey.
    """
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": path.name}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
        yield axes if axes.size > 1 else axes[0, 0]
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=_DPI, metadata=metadata)


def confusion_matrix(axes, counts, title: str, names: Optional[Sequence[str]] = None) -> None:
    """counts[label][class] as numbers on a logarithmic colour scale; names: of the classes, else numbers."""
    counts = np.array(counts)
    size = 7 if len(counts) <= 10 else 5
    axes.imshow(np.log1p(counts), cmap="Blues")
    for (label, found), count in np.ndenumerate(counts):
        if count:
            colour = "white" if label == found else "black"
            axes.text(found, label, str(count), ha="center", va="center", fontsize=size, color=colour)
    ticks = range(len(counts))
    axes.set(title=title, xlabel="class", ylabel="label")
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.grid(False)
