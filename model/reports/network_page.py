"""A page for every network file: how it was made, how good it is, what it is made of, where it ends."""

from __future__ import annotations

import io
from pathlib import Path
from typing import List

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from lst_overlay.network import Layer, Network, NetworkError, check_family, load_network, parameter_words
from model.reports.evaluate import Evaluation, evaluate_network
from model.reports.page_text import table

DIRECTORY = Path("docs/networks")
_IN_WORDS = {
    "mnist": "the MNIST test set, 10,000 images",
    "digits": "the last 360 of scikit-learn's digits, resampled to 28 x 28",
}


def write_page(path, directory: Path = DIRECTORY) -> Path:
    """Evaluate the network file and write <directory>/<name>.md and, of its activations, <name>.svg. Returns the page's path."""
    network = load_network(path)
    check_family(network, "lst")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{network.name}.svg").write_bytes(picture(network))
    target = directory / f"{network.name}.md"
    target.write_text(page(network, evaluate_network(network, path)), encoding="utf-8")
    return target


def page(network: Network, found: Evaluation) -> str:
    """The page's text."""
    about = network.provenance
    functions = sum(len(numbers) for numbers in about.get("functions", []))
    learned = f", {functions:,} numbers of learned functions" if functions else ""
    how = "in training" if about["quantization"] == "quantization-aware" else about["quantization"]
    lines = [
        f"# {network.name}",
        "",
        f"Written by `python -m model describe` from {network.name}.npz.",
        "",
        f"{network.kind}, {network.parameters:,} weights and biases{learned}, quantised {how}; content hash",
        f"`{network.content_hash}`.",
        "",
        "## Accuracy",
        "",
    ]
    lines += table(
        ["", "percent"],
        [
            [f"integer, {_IN_WORDS[found.dataset]}", f"{found.accuracy:.2f}"],
            ["integer, the validation images it was selected by", f"{about['accuracy_validation']:.2f}"],
            ["the float network behind it, test set", f"{about['accuracy_float']:.2f}"],
        ],
    )
    lines += [
        "",
        f"{found.torch_exact_images:,} of {found.images:,} images have the same logits in torch and in the integer reference.",
        "",
        "A row per label, a column per answer:",
        "",
    ]
    lines += table(
        ["", *map(str, range(10))],
        [[f"**{label}**", *map(str, row)] for label, row in enumerate(found.confusion)],
    )
    lines += [
        "",
        "## Numbers",
        "",
        f"Pixels: {network.pixel_bits} bits. Accumulators: what any input can bring about, bias included.",
        "",
    ]
    lines += table(
        ["layer", "weights", "bits", "step", "accumulator", "index", "output", "function"],
        [_row(number, network) for number in range(len(network.layers))],
    )
    lines += [
        "",
        f"![activations]({network.name}.svg)",
        "",
        "## How it was made",
        "",
        f"Seed {about['seed']}, torch {about['torch']}, "
        f"{about['device']}; epoch {about['selected_epoch']} was the best on validation.",
        "",
        "```sh",
        *about["command"],
        "```",
        "",
        f"The settings of recipe {about['recipe']}:",
        "",
    ]
    lines += table(
        ["setting", "value"], [[key, f"`{value}`"] for key, value in sorted(about["recipe_settings"].items())]
    )
    lines += ["", "## Limits", "", *_limits(network, found), ""]
    return "\n".join(lines)


def picture(network: Network) -> bytes:
    """SVG of the functions in the tables, a panel for each layer that has one."""
    layers = [layer for layer in network.layers if layer.activation is not None]
    with matplotlib.rc_context({"svg.hashsalt": network.name}):
        figure = Figure(figsize=(3.2 * max(len(layers), 1), 2.6), layout="constrained")
        for axes, layer in zip(np.atleast_1d(figure.subplots(1, len(layers), sharey=True)), layers):
            half = 1 << (layer.activation.index_width - 1)
            x = np.arange(-half, half) * layer.activation.index_step
            axes.plot(x, (np.atleast_2d(layer.activation.table_q) * layer.activation.step).T, linewidth=0.8)
            axes.set_title(f"{layer.axis.value}: {layer.activation.function}", fontsize=9)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _row(number: int, network: Network) -> List[str]:
    layer: Layer = network.layers[number]
    low, high = layer.acc_bounds(*network.input_ranges[number])
    bits = max(int(high).bit_length(), int(-low - 1).bit_length() if low < 0 else 0) + 1
    cells = [
        layer.axis.value,
        f"{layer.fan_in} -> {layer.fan_out}",
        str(layer.weights_width),
        f"{layer.weights_step:.6g}",
        f"{bits} bits",
    ]
    activation = layer.activation
    if activation is None:
        return [*cells, "", "logits", ""]
    tables = f", {layer.fan_out} tables" if activation.per_channel else ""
    added = f", plus layer {layer.add}" if layer.add is not None else ""
    return [
        *cells,
        f"{activation.index_width} bits{tables}, shift {activation.shift}",
        f"{activation.width} bits, step {activation.step:.6g}{added}",
        activation.function,
    ]


def _limits(network: Network, found: Evaluation) -> List[str]:
    errors = np.array(found.confusion)
    np.fill_diagonal(errors, 0)
    label, answer = np.unravel_index(errors.argmax(), errors.shape)
    try:
        parameter_words(network)
        engine = "It runs on the pixel-serial engine, loaded at run time."
    except NetworkError as error:
        engine = f"The pixel-serial engine does not take it: {error}."
    return [
        "- It knows centred digits, light on dark, of the size and stroke of its training images; whatever it sees, it calls a digit.",
        f"- Its commonest error: {label} taken for {answer}, {errors.max()} of {sum(found.confusion[label])}.",
        f"- {engine}",
    ]
