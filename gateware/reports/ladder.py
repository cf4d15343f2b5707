"""docs/ladder.md: every rung, from few multipliers to a row per clock, simulated over all of MNIST's test set and synthesised."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Dict, List

import datasets
from gateware import ROOT
from gateware.designs import ENGINES
from gateware.device import DEVICE
from gateware.reports.report import markdown_table, replace_figures
from gateware.reports.simulate import SimulationFailure, simulate
from gateware.simulator.bitstream import build_simulated_bitstream
from gateware.toolchain.resources import Resources, measure_design
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import DEFAULT, find

COMMAND = "make ladder"
# (engine, network), the least parallel first.
RUNGS = tuple((spec.name, network) for spec in ENGINES.values() for network in spec.measured_with)
# The published LST-1 accelerator: its IP core alone, without DMA and registers (ITS paper and slides).
PUBLISHED = {"lut": 914, "ff": 302, "ramb18": 67, "dsp48e1": 57, "images_per_second": 9_890}
PUBLISHED_MHZ, PUBLISHED_CYCLES = 48.8, 4_934
_CONDITIONS = """\
How they work: [theory of operation](theory_of_operation.md). pixel_serial is larger than pixel_pairs because it can have any
network: it loads parameters, and its numbers are as wide as any network may want.

Written by `{command}`. Every rung: all {images:,} MNIST test images through the pynq library, the driver, DMA and the verilated
design, every logit and class equal to the integer reference. Cycles are counted with DMA over one batch of all, under an ideal
memory (25 cycles of latency, no stalls) and under the simulator's default one (300 +- 100 ns, 10 % of beats withheld, refresh:
[testing](testing.md)). Images per second are the clock over these cycles. Area is synthesis (Yosys) of the whole design.
**Nothing has been placed, or run on a board.**

**Clocks are assumed**: FCLK0 is 1000 MHz over 5 or 7. All designs are written for 200 MHz, with four logic levels at most; the
row-parallel ones fill up to four fifths of the part, where routing is slower, so the lower clock is assumed for them.

**Images per second leave out the host**: `predict` copies images into contiguous memory, or packs them; that is the last column,
and it is no faster than that. On a slow processor packing, not the fabric, limits the packed rows, unless pixels come packed.
"""
_PORTS = {1: "HP0", 2: "HP0 and HP2"}
TIMES = 10  # the published rate, that the folded engine makes at least


@dataclass(frozen=True)
class Rung:
    """ideal, default: the report of `simulate` under each memory model. top: the whole design."""

    ideal: Dict
    default: Dict
    top: Resources


def write_ladder(jobs: int = 2) -> List[Path]:
    """Simulate and synthesise every rung; minutes for each row-parallel one that has changed. Returns the files written.

    Raises SimulationFailure if a logit differs, and for every finding of synthesis.
    """
    datasets.load("mnist", "test")  # if it is missing, say so at once
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        tops = [pool.submit(_resources, engine, name, "top") for engine, name in RUNGS]
        first = pool.submit(_resources, *RUNGS[0], "engine")
        reports = [_reports(engine, name) for engine, name in RUNGS]
        rungs = [Rung(*report, future.result()) for report, future in zip(reports, tops)]
        core = first.result()
    wrong = [
        f"{rung.ideal['engine']} {rung.ideal['network']}"
        for rung in rungs
        for report in (rung.ideal, rung.default)
        if report["bit_exact_images"] != report["images"]
    ]
    wrong += [
        f"{item.design}: {finding}"
        for item in [core, *[rung.top for rung in rungs]]
        for finding in item.findings
    ]
    if wrong:
        raise SimulationFailure(f"no page is written, these are wrong: {'; '.join(wrong)}")
    page, picture = ROOT / "docs" / "ladder.md", ROOT / "docs" / "images" / "ladder.svg"
    page.write_text(_page(rungs, core))
    _plot(rungs, picture)
    readme = ROOT / "README.md"
    replace_figures(readme, COMMAND, _summary(rungs))
    return [page, picture, readme]


def _built_in(engine: str, name: str):
    return None if ENGINES[engine].loadable else load_network(find(name))


def _resources(engine: str, name: str, scope: str) -> Resources:
    return measure_design(engine, _built_in(engine, name), ROOT / "build" / "resources", [scope])[0]


def _reports(engine: str, name: str) -> List[Dict]:
    """Of the ideal and of the default memory."""
    print(f"ladder: simulating {engine} with {name}", file=sys.stderr, flush=True)
    bitfile = build_simulated_bitstream(engine, _built_in(engine, name))
    return [
        simulate("mnist", name, memory_model=memory, engine=engine, bitfile=bitfile).report
        for memory in ("ideal", "default")
    ]


def _page(rungs: List[Rung], core: Resources) -> str:
    images, folded = rungs[0].ideal["images"], rungs[0]
    least = TIMES * PUBLISHED["images_per_second"] * folded.default["cycles_per_image"] / 1e6
    keys = list(DEVICE)
    return "\n".join(
        [
            "# The ladder",
            "",
            *markdown_table(
                ["for", "engine", "its network", "idea"],
                [
                    [
                        engine.chosen_for,
                        name,
                        "loaded at run time" if engine.loadable else "built in",
                        engine.idea,
                    ]
                    for name, engine in ENGINES.items()
                ],
            ),
            "",
            _CONDITIONS.format(command=COMMAND, images=images),
            "![images per second over LUT](images/ladder.svg)",
            "",
            *markdown_table(
                [
                    "engine",
                    "network",
                    "accuracy",
                    "pixels in",
                    "cycles, ideal",
                    "cycles",
                    "clock",
                    "images/s, ideal",
                    "images/s",
                    "latency",
                ],
                [_speed(rung) for rung in rungs],
            ),
            "",
            *markdown_table(
                [
                    "engine",
                    "network",
                    *[f"{key} (of {value:,})" for key, value in DEVICE.items()],
                    "logic levels",
                    "host time per image",
                ],
                [_cost(rung) for rung in rungs],
            ),
            "",
            "Latency: from START of a batch of one image to its result in memory, default memory; it varies by some cycles with the",
            "memory's random stalls. Host time: what this machine needs to copy or pack an image, measured; an ARM needs several",
            "times that.",
            "",
            "## The smallest engine, and the published one",
            "",
            "Both without DMA and registers:",
            "",
            *markdown_table(
                ["engine", *keys, "images/s"],
                [
                    [
                        "published LST-1, 13 bits (IP core)",
                        *[f"{PUBLISHED[key]:,}" for key in keys],
                        f"{PUBLISHED['images_per_second']:,}",
                    ],
                    [
                        f"{folded.ideal['engine']}, {folded.ideal['network']}",
                        *[f"{getattr(core, key):,}" for key in keys],
                        f"{folded.default['images_per_second']:,.0f} at {folded.default['fclk_mhz']:.0f} MHz",
                    ],
                ],
            ),
            "",
            f"That is {folded.default['images_per_second'] / PUBLISHED['images_per_second']:.1f} times the published rate; from {least:.0f} "
            f"MHz up it is at least {TIMES} times. The published clock is {PUBLISHED_MHZ} MHz; by cycles, {PUBLISHED_CYCLES:,} of",
            f"them, it is {PUBLISHED_CYCLES / folded.default['cycles_per_image']:.1f} times. Both formats have 13 bits; weights differ.",
            "",
        ]
    )


def _cost(rung: Rung) -> List[str]:
    cells = [f"{getattr(rung.top, key):,}" for key in DEVICE]
    return [
        rung.ideal["engine"],
        rung.ideal["network"],
        *cells,
        str(rung.top.logic_levels),
        f"{rung.default['host_pack_us_per_image']:.1f} us",
    ]


def _summary(rungs: List[Rung]) -> List[str]:
    """What the README says of the fastest engine, with the network that is the default elsewhere."""
    best = next(
        rung for rung in rungs if (rung.ideal["engine"], rung.ideal["network"]) == ("row_parallel", DEFAULT)
    )
    report, top = best.default, best.top
    return [
        f"With a row per clock, from pixels that are packed before: **{report['accuracy']:.2f} %** at "
        f"**{report['cycles_per_image']:.1f}** cycles per image,",
        f"**{report['images_per_second']:,.0f} images/s** at an {report['fclk_source']} {report['fclk_mhz']:.0f} MHz; {top.lut:,} LUT, "
        f"{top.ff:,} FF,",
        f"{top.ramb18} RAMB18, {top.dsp48e1} DSP48E1. Simulated as well. [All engines](docs/ladder.md)",
    ]


def _speed(rung: Rung) -> List[str]:
    ideal, default = rung.ideal, rung.default
    return [
        ideal["engine"],
        ideal["network"],
        f"{ideal['accuracy']:.2f} %",
        f"{ideal['input_format']}, {_PORTS[ideal['ports']]}",
        f"{ideal['cycles_per_image']:.2f}",
        f"{default['cycles_per_image']:.2f}",
        f"{default['fclk_mhz']:.0f} MHz, {default['fclk_source']}",
        f"{ideal['images_per_second']:,.0f}",
        f"{default['images_per_second']:,.0f}",
        f"{default['latency_cycles']:,} cycles, {default['latency_cycles'] / default['fclk_mhz']:.1f} us",
    ]


def _plot(rungs: List[Rung], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "ladder"  # the same picture for the same figures
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    for rung in rungs:
        name = f"{rung.ideal['engine']}, {rung.ideal['network']}: {rung.ideal['accuracy']:.2f} %, {rung.top.dsp48e1} DSP"
        axes.plot(rung.top.lut, rung.default["images_per_second"], "o", markersize=9, label=name)
    axes.plot(
        PUBLISHED["lut"],
        PUBLISHED["images_per_second"],
        "s",
        color="black",
        label=f"published LST-1, IP core alone: 98.28 %, {PUBLISHED['dsp48e1']} DSP",
    )
    axes.set(
        xlabel="LUT of the whole design, synthesised",
        ylabel="images/s at the assumed clock, default memory",
        yscale="log",
        xlim=(0, 1.02 * DEVICE["lut"]),
    )
    figure.legend(loc="outside right upper", fontsize=8)
    axes.axvline(DEVICE["lut"], color="tab:red", linestyle=":")
    axes.text(
        DEVICE["lut"], axes.get_ylim()[0], "XC7Z010 ", ha="right", va="bottom", color="tab:red", fontsize=8
    )
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
