"""Sends images through the real pynq driver into the verilated design and checks every answer."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

import datasets
from datasets.mnist import mnist_is_here
from gateware.designs import ENGINES
from gateware.simulator.bitstream import build_simulated_bitstream
from lst_overlay.memory.images import ImageLayout
from lst_overlay.network import Network, NetworkError, classify, load_network
from lst_overlay.network import logits as reference_logits
from lst_overlay.overlay import OVERLAYS
from lst_overlay.samples.shipped_networks import find
from lst_overlay.simulator.board import SimulatedBoard

TRAINED_FOR = {"digits": "lst1_digits"}  # the network of a data set, which is not the engine's default
_CHUNK = 500
_TIMEOUT_S = 24 * 3600.0  # of a command: a busy machine simulates slowly


class SimulationFailure(RuntimeError):
    """The design broke a bus rule."""


@dataclass(frozen=True)
class Simulation:
    """report: the figures, keys as in report.json. images: (N, rows, columns); labels, classes: (N,).

    names: of the network's classes.
    """

    report: Dict
    images: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    names: Sequence[str]

    @property
    def confusion(self) -> np.ndarray:
        """(classes, classes): images with label row that were answered with class column."""
        table = np.zeros((len(self.names), len(self.names)), dtype=int)
        np.add.at(table, (self.labels, self.classes), 1)
        return table


def default_dataset(engine: str, network: Optional[str] = None) -> str:
    """The user's own data of a network that was trained on them.

    Else CIFAR-10 for ResMLP, MNIST if it is on this machine, and the embedded digits otherwise.
    """
    trained_for = load_network(find(network)).provenance.get("dataset") if network else None
    if isinstance(trained_for, str) and datasets.is_own(trained_for):
        return trained_for
    if ENGINES[engine].family == "resmlp":
        return "cifar10"
    if mnist_is_here():
        return "mnist"
    print("no MNIST here (docs/datasets.md): taking the digits inside scikit-learn", file=sys.stderr)
    return "digits"


def simulate(
    dataset: str,
    network: Union[str, Network, None] = None,
    images: Optional[int] = None,
    memory_model: str = "default",
    seed: int = 1,
    engine: str = "pixel_serial",
    bitfile: Optional[Path] = None,
) -> Simulation:
    """Send the test part of ``dataset``, or its first ``images`` images, to the simulated board.

    The logits of every image are compared with the integer reference. Cycles per image are counted over one
    batch of all images, latency over a batch of one. Raises SimulationFailure if the design broke a bus rule.
    """
    spec = ENGINES[engine]
    name = network or (spec.loadable and TRAINED_FOR.get(dataset)) or spec.network
    # A wrong name and a network that the engine cannot hold are refused before anything is built.
    integers = name if isinstance(name, Network) else load_network(find(name))
    spec.check(integers)
    part = datasets.load(dataset, "test")
    if part.images.shape[1:] != integers.image_shape:
        raise NetworkError(
            f"network {integers.name!r} takes images of shape {integers.image_shape}, those of {dataset} "
            f"have {part.images.shape[1:]}: name a network or an engine for them"
        )
    classes = int(part.labels.max()) + 1  # every class has test images
    if classes != integers.classes:
        raise NetworkError(
            f"network {integers.name!r} has {integers.classes} classes, {dataset} has {classes}: "
            "name a network for them"
        )
    pixels, labels = part.images[:images], part.labels[:images]
    bitfile = bitfile or build_simulated_bitstream(engine, None if spec.loadable else integers)
    board = SimulatedBoard(memory=memory_model, seed=seed)
    overlay_class = OVERLAYS[spec.family]
    with overlay_class(bitfile, device=board, network=None if spec.loadable else "auto") as overlay:
        if spec.loadable:
            overlay.load_network(integers, timeout=_TIMEOUT_S)  # a netlist takes its time
        logits = []
        with tqdm(total=len(pixels), desc=f"simulating {integers.name}", unit=" images") as progress:
            for start in range(0, len(pixels), _CHUNK):
                logits.append(overlay.logits(pixels[start : start + _CHUNK], _TIMEOUT_S))
                progress.update(len(logits[-1]))
        print(
            f"simulating one batch of {len(pixels)} images, to count its cycles", file=sys.stderr, flush=True
        )
        classes, figures = overlay.predict(pixels, True, _TIMEOUT_S)
        _, single = overlay.predict(pixels[:1], True, _TIMEOUT_S)
        violations: List[str] = board.violations()
    if violations:
        raise SimulationFailure(f"{len(violations)} bus rules were broken, first: {violations[0]}")
    exact = exact_images(np.concatenate(logits), classes, reference_logits(integers, pixels))
    return Simulation(
        {
            "dataset": dataset,
            "images": len(pixels),
            "accuracy": 100.0 * float(np.mean(classes == labels)),
            "bit_exact_images": int(exact.sum()),
            "cycles_per_image": figures["cycles_per_image"],
            "latency_cycles": single["cycles"],
            "fclk_mhz": figures["fclk_mhz"],
            "fclk_source": figures["fclk_source"],
            "input_format": figures["input_format"],
            "ports": overlay.layout.ports,
            "scope": figures["scope"],
            "simulated": figures["simulated"],
            "images_per_second": figures["images_per_second"],
            "host_pack_us_per_image": _pack_us_per_image(pixels, overlay.layout),
            "network": integers.name,
            "trained_for": integers.provenance.get("dataset"),
            "engine": engine,
            "memory_model": memory_model,
        },
        pixels,
        labels,
        classes,
        integers.class_names,
    )


def exact_images(logits: np.ndarray, classes: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(N,) whether all logits of an image, and its class, are those that the expected logits say."""
    return (logits == expected).all(axis=1) & (classes == classify(expected))


def _pack_us_per_image(pixels: np.ndarray, layout: ImageLayout) -> float:
    """Time on this machine to put images where and as the accelerator reads them."""
    images, times = pixels.reshape(len(pixels), -1), []
    buffers = [np.empty((len(pixels), layout.bytes_per_image), np.uint8) for _ in range(layout.buffers)]
    for _ in range(5):
        begun = time.perf_counter()
        layout.fill(images, buffers)
        times.append(time.perf_counter() - begun)
    return 1e6 * min(times) / len(pixels)
