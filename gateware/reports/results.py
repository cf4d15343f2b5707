"""docs/results.md and figures of README.md: every shipped network on the simulated board, and synthesis."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List

import datasets
from gateware import ROOT
from gateware.designs import shipped_for
from gateware.device import DEVICE
from gateware.reports.ladder import RESOURCES, rate_at
from gateware.reports.published import PUBLISHED
from gateware.reports.report import latency_text
from gateware.reports.simulate import Simulation, SimulationFailure, simulate
from gateware.simulator.bitstream import build_simulated_bitstream
from gateware.toolchain.resources import Resources, measure_design
from lst_overlay.network import load_network
from lst_overlay.network import logits as reference_logits
from lst_overlay.samples.shipped_networks import DEFAULT, find
from pages.page import Excerpt, Figures, Page

COMMAND = "make results"
_TEMPLATES = Path(__file__).parent / "templates"


def write_results() -> List[Path]:
    """Simulate every shipped network over its test set, synthesise, and write the page.

    Returns the files written. Raises SimulationFailure if a logit differs, and for every finding of
    synthesis.
    """
    datasets.load("mnist", "test")  # if it is missing, say so at once
    bitfile = build_simulated_bitstream()
    networks = [load_network(find(name)) for name in shipped_for("pixel_serial")]
    runs = [simulate(network.provenance["dataset"], network, bitfile=bitfile) for network in networks]
    runs.append(simulate("mnist", DEFAULT, memory_model="ideal", bitfile=bitfile))
    resources = [asdict(item) for item in _resources()]
    wrong = [run.report["network"] for run in runs if run.report["bit_exact_images"] != run.report["images"]]
    wrong += [finding for item in resources for finding in item["findings"]]
    if wrong:
        raise SimulationFailure(f"no results are written, these are wrong: {'; '.join(wrong)}")
    return PAGE.write(
        {
            "runs": [_with_confusion(run) for run in runs],
            "resources": [
                {key: value for key, value in item.items() if key not in ("paths", "rooms")}
                for item in resources
            ],
            "reference": {"images_per_second": _reference_speed(), "cores": os.cpu_count()},
        }
    )


def _resources() -> List[Resources]:
    return measure_design("pixel_serial", None, RESOURCES)


def _with_confusion(run: Simulation) -> Dict[str, Any]:
    return {**run.report, "confusion": run.confusion.tolist()}


def _reference_speed() -> float:
    """Images per second of the integer reference on this machine, the fastest of five runs."""
    network, images, times = load_network(find(DEFAULT)), datasets.load("mnist", "test").images, []
    for _ in range(5):
        begun = time.perf_counter()
        reference_logits(network, images)
        times.append(time.perf_counter() - begun)
    return len(images) / min(times)


def view(figures: Figures) -> Dict[str, Any]:
    runs = [{**run, "latency": latency_text(run)} for run in figures["runs"]]
    default = [run for run in runs if run["memory_model"] == "default"]
    (main,) = [run for run in default if run["network"] == DEFAULT]
    resources = [{**item, "findings": "; ".join(item["findings"]) or "none"} for item in figures["resources"]]
    (top,) = [item for item in resources if item["scope"] == "top"]
    return {
        "command": COMMAND,
        "runs": runs,
        "with_confusion": default,
        "main": main,
        "at_142_9": rate_at(1000 / 7, main),
        "resources": resources,
        "top": top,
        "reference": figures["reference"],
        "published": PUBLISHED,
        "times_as_fast": {
            "images/s": main["images_per_second"] / PUBLISHED["images_per_second"],
            "cycles": PUBLISHED["cycles_per_image"] / main["cycles_per_image"],
        },
        "device": DEVICE,
    }


PAGE = Page(
    ROOT / "docs" / "results.md",
    _TEMPLATES / "results.md.j2",
    view,
    excerpts=(Excerpt(ROOT / "README.md", COMMAND, _TEMPLATES / "readme_results.md.j2"),),
)
