"""A page for every network file of the LST family: its accuracy, number formats, origin and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from lst_overlay.network import Layer, Network, NetworkError, check_family, load_network, parameter_words
from model.reports.evaluate import Evaluation, evaluate_network
from pages.diagram import Block, Wire, block_diagram
from pages.page import Figures, Page
from pages.plot import picture

DIRECTORY = Path("docs/networks")
_TEMPLATE = Path(__file__).parent / "templates" / "network.md.j2"
_TEST_SETS = {
    "mnist": "MNIST test set, 10,000 images",
    "digits": "the last 360 of scikit-learn's digits, resampled to 28 x 28",
}


def write_page(path, directory: Path = DIRECTORY) -> Path:
    """Evaluate the network file and write <directory>/<name>.md, .json and .svg. Returns the page's path."""
    network = load_network(path)
    check_family(network, "lst")
    page = page_of(network.name, directory)
    page.write(figures_of(network, evaluate_network(network, path)))
    draw_tables(network, page.path.with_suffix(".svg"))
    return page.path


def page_of(name: str, directory: Path = DIRECTORY) -> Page:
    return Page(Path(directory) / f"{name}.md", _TEMPLATE, view, draw_layers)


def figures_of(network: Network, evaluation: Evaluation) -> Figures:
    """Collect everything that the page says about a network file."""
    provenance = network.provenance
    kept = ("seed", "torch", "device", "selected_epoch", "command", "recipe", "quantization")
    return {
        **{key: provenance[key] for key in kept},
        "settings": provenance["recipe_settings"],
        "name": network.name,
        "kind": network.kind,
        "content_hash": network.content_hash,
        "parameters": network.parameters,
        "learned": sum(len(numbers) for numbers in provenance.get("functions", [])),
        "pixel_bits": network.pixel_bits,
        **({"rows_per_vector": network.rows_per_vector} if network.rows_per_vector > 1 else {}),
        "dataset": evaluation.dataset,
        **({"class_names": evaluation.class_names} if evaluation.class_names else {}),
        "images": evaluation.images,
        "torch_exact_images": evaluation.torch_exact_images,
        "accuracy": evaluation.accuracy,
        "accuracy_validation": provenance["accuracy_validation"],
        "accuracy_float": provenance["accuracy_float"],
        "confusion": evaluation.confusion,
        "layers": [
            _layer(layer, *network.input_ranges[number]) for number, layer in enumerate(network.layers)
        ],
        "refusal": _refusal(network),
    }


def _layer(layer: Layer, lowest: int, highest: int) -> Dict[str, Any]:
    """Return the number formats of a layer whose inputs lie between lowest and highest."""
    low, high = layer.acc_bounds(lowest, highest)
    activation = layer.activation
    return {
        "axis": layer.axis.value,
        "fan_in": layer.fan_in,
        "fan_out": layer.fan_out,
        "weights_width": layer.weights_width,
        "weights_step": layer.weights_step,
        "acc_width": max(int(high).bit_length(), int(-low - 1).bit_length() if low < 0 else 0) + 1,
        "activation": activation
        and {
            "function": activation.function,
            "index_width": activation.index_width,
            "shift": activation.shift,
            "tables": layer.fan_out if activation.per_channel else 1,
            "width": activation.width,
            "step": activation.step,
            "add": layer.add,
        },
    }


def _refusal(network: Network):
    """Say why the pixel-serial engine does not take the network; None if it does."""
    try:
        parameter_words(network)
    except NetworkError as error:
        return str(error)
    return None


def view(figures: Figures) -> Dict[str, Any]:
    mistakes = np.array(figures["confusion"])
    np.fill_diagonal(mistakes, 0)
    label, answer = map(int, np.unravel_index(mistakes.argmax(), mistakes.shape))
    names = figures.get("class_names")
    accuracies = (
        (f"integers, {_TEST_SETS.get(figures['dataset'], 'test images')}", "accuracy"),
        ("integers, the validation images by which it was selected", "accuracy_validation"),
        ("the float network that it was made from, test set", "accuracy_float"),
    )
    settings = [{"name": name, "value": value} for name, value in sorted(figures["settings"].items())]
    return {
        **figures,
        "rows_per_vector": figures.get("rows_per_vector", 1),
        "class_names": names,
        "accuracies": [{"of": of, "percent": figures[key]} for of, key in accuracies],
        "layers": [{**layer, **_activation_cells(layer["activation"])} for layer in figures["layers"]],
        "settings": settings,
        "mistake": {
            "label": names[label] if names else label,
            "answer": names[answer] if names else answer,
            "images": int(mistakes.max()),
            "of": sum(figures["confusion"][label]),
        },
    }


def _activation_cells(activation) -> Dict[str, str]:
    if activation is None:
        return {"index": "", "output": "logits", "function": ""}
    tables = f", {activation['tables']} tables" if activation["tables"] > 1 else ""
    added = "" if activation["add"] is None else f", plus layer {activation['add']}"
    return {
        "index": f"{activation['index_width']} bits{tables}, shift {activation['shift']}",
        "output": f"{activation['width']} bits, step {activation['step']:.6g}{added}",
        "function": activation["function"],
    }


def draw_layers(figures: Figures, directory: Path) -> List[Path]:
    """Draw the layers as a block diagram: <name>_layers.svg."""
    blocks, wires = [Block("image")], []
    code = f"pixels of {figures['pixel_bits']} bits"
    for number, layer in enumerate(figures["layers"]):
        lines = [
            f"{layer['fan_in']} -> {layer['fan_out']}, weights of {layer['weights_width']} bits",
            f"sums of {layer['acc_width']} bits",
        ]
        activation = layer["activation"]
        if activation:
            tables = "1 table" if activation["tables"] == 1 else f"{activation['tables']} tables"
            lines.append(f"{tables} of {1 << activation['index_width']} codes")
            if activation["add"] is not None:
                wires.append(
                    Wire(blocks[1 + activation["add"]].name, f"{number}: {layer['axis']}", ("added",))
                )
        wires.append(Wire(blocks[-1].name, f"{number}: {layer['axis']}", (code,)))
        blocks.append(Block(f"{number}: {layer['axis']}", tuple(lines)))
        code = f"codes of {activation['width']} bits" if activation else "logits"
    wires.append(Wire(blocks[-1].name, "class", (code,)))
    blocks.append(Block("class", ("of the largest logit",)))
    path = directory / f"{figures['name']}_layers.svg"
    path.write_text(block_diagram(blocks, wires), encoding="utf-8")
    return [path]


def draw_tables(network: Network, path: Path) -> Path:
    """Draw the functions in the tables, a panel for each layer that has one."""
    layers = [layer for layer in network.layers if layer.activation is not None]
    with picture(path, (3.2 * len(layers), 2.6), 1, len(layers), sharey=True) as panels:
        for axes, layer in zip(np.ravel(panels), layers):
            half = 1 << (layer.activation.index_width - 1)
            x = np.arange(-half, half) * layer.activation.index_step
            axes.plot(x, (np.atleast_2d(layer.activation.table_q) * layer.activation.step).T, linewidth=0.8)
            axes.set(title=f"{layer.axis.value}: {layer.activation.function}", xlabel="input")
        np.ravel(panels)[0].set_ylabel("output")
    return path


def written_pages() -> List[Page]:
    """Return the pages whose figures are kept in docs/networks."""
    return [page_of(path.stem) for path in sorted(DIRECTORY.glob("*.json"))]
