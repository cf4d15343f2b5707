"""How figures are shown: a table for the terminal or a page, a picture, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List

import numpy as np

from gateware.reports.simulate import Simulation

_PICTURES = 40


def as_text(report: Dict) -> str:
    """A table of figures, each with its conditions."""
    clock = f"{report['fclk_mhz']:.1f} MHz ({report['fclk_source']})"
    rows = [
        ("network", f"{report['network']} on the {report['engine']} engine"),
        ("dataset", f"{report['dataset']}, {report['images']} images"),
        ("accuracy", f"{report['accuracy']:.2f} %{_for_another_dataset(report)}"),
        (
            "equal to the integer reference",
            f"{report['bit_exact_images']} of {report['images']} images, all logits",
        ),
        (
            "cycles per image",
            f"{report['cycles_per_image']:.1f} (one batch, {report['scope']}, {report['input_format']} in)",
        ),
        (
            "latency of one image",
            f"{report['latency_cycles']} cycles, {report['latency_cycles'] / report['fclk_mhz']:.2f} us, {report['scope']}",
        ),
        (
            "images per second",
            f"{report['images_per_second']:,.0f} at {clock}, {report['scope']}, {report['input_format']} in",
        ),
        (
            f"{'packing' if report['input_format'] == 'packed' else 'copying'} an image into the buffer",
            f"{report['host_pack_us_per_image']:.3f} us of this machine's time (measured)",
        ),
        ("memory model", f"{report['memory_model']}, simulated"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _for_another_dataset(report: Dict) -> str:
    trained_for = report.get("trained_for")
    return (
        ""
        if trained_for in (None, report["dataset"])
        else f" (trained for {trained_for}: says nothing of this network)"
    )


def markdown_table(head: List[str], rows: List[List[str]]) -> List[str]:
    """Its lines."""
    return ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]


def replace_figures(page: Path, command: str, lines: List[str]) -> None:
    """Put ``lines`` between the comments that mark the figures of ``command`` in a page."""
    begin, end = f"<!-- figures: `{command}` -->", "<!-- end of figures -->"
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text("\n".join([before + begin, *lines, end + after]))


def write_json(simulation: Simulation, path: Path) -> None:
    """The report with the confusion matrix beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({**simulation.report, "confusion": simulation.confusion.tolist()}, indent=2) + "\n"
    )


def write_picture(simulation: Simulation, path: Path) -> None:
    """Some images with the classes that came back, mistakes first in red, and the confusion matrix."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    wrong = np.flatnonzero(simulation.classes != simulation.labels)[: _PICTURES // 2]
    right = np.flatnonzero(simulation.classes == simulation.labels)[: _PICTURES - len(wrong)]
    chosen = np.concatenate([wrong, right])
    figure = plt.figure(figsize=(13, 6), layout="constrained")
    left, matrix_side = figure.subfigures(1, 2, width_ratios=[3, 2])
    for axes, number in zip(left.subplots(5, _PICTURES // 5).flat, chosen):
        label, class_ = simulation.labels[number], simulation.classes[number]
        axes.imshow(simulation.images[number], cmap="gray_r")
        axes.set_title(
            f"{class_}" if class_ == label else f"{class_}, not {label}",
            fontsize=9,
            color="black" if class_ == label else "red",
        )
    for axes in left.axes:
        axes.axis("off")
    axes = matrix_side.subplots()
    axes.imshow(np.log1p(simulation.confusion), cmap="Blues")
    for (row, column), count in np.ndenumerate(simulation.confusion):
        if count:
            axes.text(
                column,
                row,
                str(count),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if row == column else "black",
            )
    axes.set(xlabel="class from the driver", ylabel="label", xticks=range(10), yticks=range(10))
    axes.set_title(f"{simulation.report['accuracy']:.2f} % of {simulation.report['images']} images")
    left.suptitle(f"{simulation.report['network']} on the simulated board: mistakes first")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
