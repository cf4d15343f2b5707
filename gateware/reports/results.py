"""docs/results.md and the figures in README.md: measured again by one command, never typed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Dict, List

import datasets
from gateware import ROOT
from gateware.device import DEVICE
from gateware.reports.report import markdown_table, replace_figures
from gateware.reports.simulate import Simulation, SimulationFailure, simulate
from gateware.simulator.bitstream import build_simulated_bitstream
from gateware.toolchain.resources import LEVEL_NS, MAX_LOGIC_LEVELS, Resources, measure_design
from lst_overlay.network import load_network
from lst_overlay.network import logits as reference_logits
from lst_overlay.samples.shipped_networks import DEFAULT, find, names

COMMAND = "make results"
# LST-1 as published: ITS slides, see docs/theory_of_operation.md.
PUBLISHED = {
    "images_per_second": 9_890,
    "cycles_per_image": 4_934,
    "conditions": "98.28 %, 48.8 MHz, Zybo Z7-10",
}


def write_results() -> List[Path]:
    """Every shipped network over its test set on the simulated board, and synthesis. Returns the files written."""
    datasets.load("mnist", "test")  # if it is missing, say so at once
    bitfile = build_simulated_bitstream()
    networks = [load_network(find(name)) for name in names()]
    runs = [simulate(network.provenance["dataset"], network, bitfile=bitfile) for network in networks]
    ideal = simulate("mnist", DEFAULT, memory_model="ideal", bitfile=bitfile)
    resources = measure_design("pixel_serial", None, ROOT / "build" / "resources")
    wrong = [
        run.report["network"]
        for run in [*runs, ideal]
        if run.report["bit_exact_images"] != run.report["images"]
    ]
    wrong += [finding for item in resources for finding in item.findings]
    if wrong:
        raise SimulationFailure(f"no results are written, these are wrong: {'; '.join(wrong)}")
    page = ROOT / "docs" / "results.md"
    page.write_text(_page(runs, ideal, resources))
    readme = ROOT / "README.md"
    replace_figures(readme, COMMAND, _summary(runs, resources))
    return [page, readme]


def _page(runs: List[Simulation], ideal: Simulation, resources: List[Resources]) -> str:
    main = runs[names().index(DEFAULT)].report
    return "\n".join(
        [
            "# Results",
            "",
            f"Written by `{COMMAND}`, which measures all of it again. Nothing here has run on a board: cycles are counted in simulation",
            "of the emitted Verilog, driven by the pynq library through our driver; images per second are the assumed clock over counted",
            "cycles; area is synthesis, not placed.",
            "",
            "## On the simulated board",
            "",
            f"Whole test sets. Scope: {main['scope']}, {main['input_format']} pixels in. Clock: {main['fclk_mhz']:.0f} MHz,",
            f"{main['fclk_source']}.",
            "*Equal* counts images whose class and ten logits equal the integer reference.",
            "",
            *markdown_table(
                [
                    "network",
                    "dataset",
                    "accuracy",
                    "equal",
                    "cycles per image",
                    "images/s",
                    "latency",
                    "memory model",
                ],
                [_row(run.report) for run in [*runs, ideal]],
            ),
            "",
            f"The published LST-1 accelerator makes {PUBLISHED['images_per_second']:,} images/s with",
            f"{PUBLISHED['cycles_per_image']:,} cycles per image ({PUBLISHED['conditions']});",
            f"this is {main['images_per_second'] / PUBLISHED['images_per_second']:.1f} times the rate, "
            f"{PUBLISHED['cycles_per_image'] / main['cycles_per_image']:.1f} times by cycles alone.",
            "",
            f"One network and dataset at a time: `python -m gateware simulate --dataset mnist --network {DEFAULT} --json report.json`.",
            "",
            "## Confusion, from the driver's answers",
            "",
            *[line for run in runs for line in _confusion(run)],
            "## XC7Z010, synthesis",
            "",
            *markdown_table(
                [
                    "scope",
                    *[f"{key} (of {value:,})" for key, value in DEVICE.items()],
                    "logic levels",
                    "findings",
                ],
                [
                    [
                        item.scope,
                        *[f"{getattr(item, key):,}" for key in DEVICE],
                        str(item.logic_levels),
                        "; ".join(item.findings) or "none",
                    ]
                    for item in resources
                ],
            ),
            "",
            f"`make resources`, {resources[0].tool} {resources[0].version}. A finding is a DSP with an unused register among A, B, M and P,",
            f"an AXI input of the PS that nothing drives, a cell of unknown cost, or more than {MAX_LOGIC_LEVELS} logic levels.",
            f"{MAX_LOGIC_LEVELS} levels of {LEVEL_NS} ns, a calibration from placed prototypes, leave",
            f"{1000 / main['fclk_mhz'] - MAX_LOGIC_LEVELS * LEVEL_NS:.1f} ns of the period to clock-to-output, set-up and skew:",
            "an estimate, not timing closure.",
            "",
            "## The integer reference",
            "",
            f"{_reference_speed():,.0f} images/s on the machine that wrote this page, {os.cpu_count()} cores ({DEFAULT}, MNIST's test set);",
            "`python benchmarks/reference.py` gives the ratio to plain int64 arithmetic.",
            "",
        ]
    )


def _reference_speed() -> float:
    """Images per second of the integer reference on this machine, best of five."""
    network, images, times = load_network(find(DEFAULT)), datasets.load("mnist", "test").images, []
    for _ in range(5):
        begun = time.perf_counter()
        reference_logits(network, images)
        times.append(time.perf_counter() - begun)
    return len(images) / min(times)


def _row(report: Dict) -> List[str]:
    return [
        report["network"],
        report["dataset"],
        f"{report['accuracy']:.2f} %",
        f"{report['bit_exact_images']:,} of {report['images']:,}",
        f"{report['cycles_per_image']:.2f}",
        f"{report['images_per_second']:,.0f}",
        f"{report['latency_cycles']:,} cycles, {report['latency_cycles'] / report['fclk_mhz']:.2f} us",
        report["memory_model"],
    ]


def _confusion(run: Simulation) -> List[str]:
    head = [
        f"**{run.report['network']}** on {run.report['dataset']}: row is the label, column the answer.",
        "",
    ]
    rows = [[str(label), *map(str, row)] for label, row in enumerate(run.confusion)]
    return [*head, *markdown_table(["", *map(str, range(10))], rows), ""]


def _summary(runs: List[Simulation], resources: List[Resources]) -> List[str]:
    """A sentence or two for the first screen of the README."""
    main = runs[names().index(DEFAULT)].report
    top = next(item for item in resources if item.scope == "top")
    return [
        f"{main['images']:,} MNIST test images through the real pynq driver into the verilated design: **{main['accuracy']:.2f} %**",
        "(the seed that validation chose; [over all seeds](docs/accuracy.md)), every",
        f"logit of **{main['bit_exact_images']:,}** images equal to Python's, **{main['cycles_per_image']:.1f}** clock cycles per image",
        f"with DMA from {main['input_format']} pixels, which is **{main['images_per_second']:,.0f} images/s** at an {main['fclk_source']} "
        f"{main['fclk_mhz']:.0f} MHz (the published accelerator:",
        f"{PUBLISHED['images_per_second']:,}; {PUBLISHED['conditions']}). Whole design, synthesised for the XC7Z010: {top.lut:,} LUT,",
        f"{top.ff:,} FF, {top.ramb18} RAMB18, {top.dsp48e1} DSP48E1. Simulated; not yet run on a board. [All results](docs/results.md)",
    ]
