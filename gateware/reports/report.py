"""How the figures of one simulation are shown: text for the terminal, a picture, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

import numpy as np
from matplotlib.figure import Figure

from gateware.reports.simulate import Simulation
from pages.plot import confusion_matrix

_PICTURES = 40


def latency_text(report: Dict) -> str:
    """Return the time from START of a batch of one image until its result is in memory."""
    return f"{report['latency_cycles']:,} cycles, {report['latency_cycles'] / report['fclk_mhz']:.2f} us"


def as_text(report: Dict) -> str:
    """Return a line per figure, each with the conditions that it holds under."""
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
        ("latency of one image", f"{latency_text(report)}, {report['scope']}"),
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


def write_json(simulation: Simulation, path: Path) -> None:
    """Write the report's figures and the confusion matrix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({**simulation.report, "confusion": simulation.confusion.tolist()}, indent=2) + "\n"
    )


def write_picture(simulation: Simulation, path: Path) -> None:
    """Draw a few images with the classes that came back, mistakes first in red, and the confusion matrix."""
    wrong = np.flatnonzero(simulation.classes != simulation.labels)[: _PICTURES // 2]
    right = np.flatnonzero(simulation.classes == simulation.labels)[: _PICTURES - len(wrong)]
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right_side = figure.subfigures(1, 2, width_ratios=[3, 2])
    for axes, number in zip(left.subplots(5, _PICTURES // 5).flat, np.concatenate([wrong, right])):
        label, class_ = (simulation.names[code[number]] for code in (simulation.labels, simulation.classes))
        axes.imshow(simulation.images[number], cmap="gray_r")
        title = f"{class_}" if class_ == label else f"{class_}, not {label}"
        axes.set_title(title, fontsize=9, color="black" if class_ == label else "red")
    for axes in left.axes:
        axes.axis("off")
    left.suptitle(f"{simulation.report['network']} on the simulated board: mistakes first")
    title = f"{simulation.report['accuracy']:.2f} % of {simulation.report['images']} images"
    confusion_matrix(right_side.subplots(), simulation.confusion, title, simulation.names)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
