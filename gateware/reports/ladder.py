"""docs/ladder.md: every engine simulated over test images of its network's data set, and synthesised."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import datasets
from gateware import ROOT
from gateware.designs import ENGINES, TOP, make_design
from gateware.device import CAPACITY, DEVICE, MEMORY
from gateware.reports.memory import RATES, carried
from gateware.reports.published import ON_BOARDS, PUBLISHED
from gateware.reports.report import latency_text
from gateware.reports.simulate import SimulationFailure, simulate
from gateware.simulator.bitstream import build_simulated_bitstream
from gateware.toolchain.resources import Resources, design_directory, measure_design, synthesize
from gateware.toolchain.timing import BUDGET_SHARE
from lst_overlay.network import classify, load_network, logits
from lst_overlay.samples import digits
from lst_overlay.samples.shipped_networks import DEFAULT, find
from lst_overlay.simulator.library import MEMORY_MODELS
from pages.page import Excerpt, Figures, Page
from pages.plot import INK, picture

COMMAND = "make ladder"
RESOURCES = ROOT / "build" / "resources"
# Clock cycles of a simulated batch: an engine that needs more for all test images gets the first ones.
MOST_CYCLES = 30_000_000
NETLIST_CYCLES, NETLIST_IMAGES = 600_000, 100  # through each netlist: a hundred times slower than the design
_DATASETS = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
# The design that is compared with the published one, without the shell around both.
SMALLEST = ("folded", "lst1_q6.7")
# The engines that are compared with the systems of others, each with the default network.
COMPARED = ("pixel_serial", "row_parallel")
SMALLEST_PART = "xc7z010"  # whose area the picture shows
_TEMPLATES = Path(__file__).parent / "templates"


def rungs() -> Iterator[Tuple[str, str]]:
    """Yield (engine, network) for every design that is measured."""
    for spec in ENGINES.values():
        for network in spec.measured_with:
            yield spec.name, network


def write_ladder(jobs: int = 2) -> List[Path]:
    """Simulate and synthesise every design: minutes for each row-parallel one that changed.

    Returns the files written. Raises SimulationFailure if a logit of the design or of its netlist differs,
    and for every finding of synthesis.
    """
    chosen = list(rungs())
    for dataset in {_recorded(network, "dataset") for _, network in chosen}:
        datasets.load(dataset, "test")  # if it is missing, say so at once
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        tops = [pool.submit(_resources, engine, network, "top") for engine, network in chosen]
        core = pool.submit(_resources, *SMALLEST, "engine")
        reports = [_reports(engine, network) for engine, network in chosen]
        synthesised = [core.result(), *[top.result() for top in tops]]
    netlists = [netlist_report(engine, network) for engine, network in chosen]
    simulated = [("", report) for pair in reports for report in pair.values()]
    simulated += [("the netlist of ", report) for report in netlists]
    wrong = [
        f"{what}{report['engine']} {report['network']}"
        for what, report in simulated
        if report["bit_exact_images"] != report["images"]
    ]
    wrong += [f"{item.design}: {finding}" for item in synthesised for finding in item.findings]
    if wrong:
        raise SimulationFailure(f"no page is written, these are wrong: {'; '.join(wrong)}")
    measured = [
        {
            **pair,
            "accuracy": _recorded(pair["ideal"]["network"], "accuracy_integer"),
            "top": _area(top),
            "netlist": {key: netlist[key] for key in ("images", "bit_exact_images")},
        }
        for pair, top, netlist in zip(reports, synthesised[1:], netlists)
    ]
    measured.sort(key=lambda rung: -round(rung["ideal"]["cycles_per_image"]))
    return PAGE.write({**PAGE.figures(), "core": _area(synthesised[0]), "rungs": measured})


def keep_python(figures: Figures) -> List[Path]:
    """Keep what `python -m benchmarks.driver` measured and write the page. Returns the files written."""
    return PAGE.write({**PAGE.figures(), "python": figures})


def _recorded(name: str, what: str) -> Any:
    return load_network(find(name)).provenance[what]


def _cycles(engine: str, name: str) -> int:
    return ENGINES[engine].cycles_of(load_network(find(name)))


def _built_in(engine: str, name: str):
    return None if ENGINES[engine].loadable else load_network(find(name))


def _resources(engine: str, name: str, scope: str) -> Resources:
    return measure_design(engine, _built_in(engine, name), RESOURCES, [scope])[0]


def netlist_report(engine: str, name: str, images: int = NETLIST_IMAGES) -> Dict[str, Any]:
    """Simulate Yosys's netlist of a design, behind the PS and memory of the design's simulation."""
    images = min(images, NETLIST_CYCLES // _cycles(engine, name))
    network = _built_in(engine, name)
    design = make_design(engine, network)
    directory = design_directory(RESOURCES, design)
    synthesize(design.verilog, TOP, directory)
    netlist = (directory / f"{TOP}.netlist.v").read_text()
    print(f"ladder: simulating the netlist of {engine} with {name}", file=sys.stderr, flush=True)
    bitfile = build_simulated_bitstream(engine, network, ROOT / "build" / "netlists", netlist=netlist)
    return simulate(_recorded(name, "dataset"), name, images, engine=engine, bitfile=bitfile).report


def _area(resources: Resources) -> Dict[str, Any]:
    """The figures of the page, and the content by which a test knows that they are those of a design."""
    figures = asdict(resources)
    kept = [*DEVICE, "logic_levels", "slowest_ns", "budget_ns", "paths", "rooms", "content"]
    return {key: figures[key] for key in kept}


def _reports(engine: str, name: str) -> Dict[str, Dict]:
    """Simulate under each memory model and return the reports."""
    print(f"ladder: simulating {engine} with {name}", file=sys.stderr, flush=True)
    bitfile = build_simulated_bitstream(engine, _built_in(engine, name))
    dataset, images = _recorded(name, "dataset"), MOST_CYCLES // _cycles(engine, name)
    return {
        memory: simulate(dataset, name, images, memory, engine=engine, bitfile=bitfile).report
        for memory in ("ideal", "default")
    }


def _with_python(figures: Figures) -> List[Dict[str, Any]]:
    """Return the rungs, each with the images/s of `predict` from device memory and from an array.

    `predict` copies while the accelerator computes, so the slower of the two decides.
    """
    rates = {rate["bits"]: rate for rate in figures["python"]["rates"]}
    rungs = []
    for rung in figures["rungs"]:
        accelerator = rung["default"]["images_per_second"]
        ideal = rung["ideal"]
        python = rates[
            8 if ideal["input_format"] == "uint8" else load_network(find(ideal["network"])).pixel_bits
        ]
        rungs.append(
            {
                **rung,
                "from_memory": min(accelerator, _three_digits(python["memory_images_per_second"])),
                "from_array": min(accelerator, _three_digits(python["array_images_per_second"])),
            }
        )
    return rungs


def _three_digits(measured: float) -> float:
    return float(f"{measured:.3g}")


def view(figures: Figures) -> Dict[str, Any]:
    measured = [
        {
            **rung,
            "accuracy": _accuracy(rung),
            "memory": memory,
            "dram": f"**{memory['share']:.0f} %**" if memory["note"] else f"{memory['share']:.0f} %",
            "millions": {
                **{key: memory[key] / 1e6 for key in RATES},
                "default": rung["default"]["images_per_second"] / 1e6,
            },
            **_clocks(rung, memory["designed"]),
            "area": _area_of(rung),
            "latency": latency_text(rung["default"]),
        }
        for rung in _with_python(figures)
        for memory in [carried(rung["ideal"])]
    ]
    designs = {(rung["ideal"]["engine"], rung["ideal"]["network"]): rung for rung in measured}
    smallest = designs[SMALLEST]
    engines = [
        {
            "purpose": engine.chosen_for,
            "name": name,
            "network": "loaded at run time" if engine.loadable else "built in",
            "idea": engine.idea,
        }
        for name, engine in ENGINES.items()
    ]
    return {
        "command": COMMAND,
        "budget_share": 100 * BUDGET_SHARE,
        "device": DEVICE,
        "dram": MEMORY,
        "model": MEMORY_MODELS["default"],
        "engines": engines,
        "python": figures["python"],
        "rungs": measured,
        "in_part": [
            {**run, "dataset": _DATASETS[run["dataset"]]}
            for run in (rung["ideal"] for rung in measured)
            if run["images"] < 10_000
        ],
        "smallest": smallest,
        "fastest": designs["row_parallel", DEFAULT],
        "loadable": designs["pixel_serial", DEFAULT],
        "published": PUBLISHED,
        "systems": [*ON_BOARDS, *(_system(designs[engine, DEFAULT]) for engine in COMPARED)],
        "cores": [
            {
                **PUBLISHED,
                "name": PUBLISHED["name"] + " (IP core)",
                "rate": "{:,}".format(PUBLISHED["images_per_second"]),
            },
            {
                "name": "{engine}, {network}".format(**smallest["ideal"]),
                "rate": "{images_per_second:,.0f} at {fclk_mhz:.0f} MHz".format(**smallest["default"]),
            }
            | figures["core"],
        ],
    }


def rate_at(mhz: float, run: Dict[str, Any]) -> float:
    """Return the images/s of a run by its cycles at another clock."""
    return run["images_per_second"] * mhz / run["fclk_mhz"]


def _clocks(rung: Dict[str, Any], carried_at_most: float) -> Dict[str, Any]:
    """Return what the page says of a design at other clocks, and its share of the part's slices."""
    permitted_mhz = 1000 * BUDGET_SHARE / rung["top"]["slowest_ns"]
    rates = {}
    for key, mhz in (("at_142_9", 1000 / 7), ("at_200", 200.0)):
        rate = f"{min(rate_at(mhz, rung['default']), carried_at_most):,.0f}"
        rates[key] = rate if mhz <= permitted_mhz else f"({rate})"
    share = _of_part(rung, "slices")
    return {**rates, "permitted_mhz": permitted_mhz, "share": share}


def part_of(rung: Dict[str, Any]) -> str:
    """Return the part that a design is made for, a key of CAPACITY."""
    return ENGINES[rung["ideal"]["engine"]].part


def _of_part(rung: Dict[str, Any], resource: str) -> str:
    """Return the share of a resource of its part that a design needs."""
    return f"{100 * rung['top'][resource] / CAPACITY[part_of(rung)][resource]:.0f} %"


def _area_of(rung: Dict[str, Any]) -> Dict[str, str]:
    """Return the counts of the area table, each with its share of the part."""
    counts = {key: f"{rung['top'][key]:,} ({_of_part(rung, key)})" for key in DEVICE}
    return {"part": part_of(rung).upper(), **counts}


def _accuracy(rung: Dict[str, Any]) -> str:
    """Return the accuracy on all test images, and of which data set unless it is MNIST."""
    run = rung["ideal"]
    dataset = "" if run["dataset"] == "mnist" else f" of {_DATASETS[run['dataset']]}"
    return f"{rung.get('accuracy', run['accuracy']):.2f} %{dataset}"


def _system(rung: Dict[str, Any]) -> Dict[str, Any]:
    """Return a design of ours as a row beside the systems of others."""
    run, note = rung["default"], rung["memory"]["note"]
    return {
        **{key: rung["top"][key] for key in ("lut", "ff", "ramb18", "dsp48e1")},
        "name": "ours: {engine}, {network}".format(**run),
        "part": part_of(rung).upper(),
        "accuracy": run["accuracy"],
        "images_per_second": rung["from_memory"],
        "conditions": "simulated, {fclk_mhz:.0f} MHz {fclk_source}".format(**run)
        + (f"; {note}" if note else "")
        + f"; {rung['from_array']:,.0f} from an array",
    }


def draw(figures: Figures, directory: Path) -> List[Path]:
    """Draw the landing page's digits, and the designs over area and over accuracy."""
    return [
        _draw_digits(directory / "images" / "digits.svg"),
        _draw_ladder(figures, directory),
        _draw_accuracy(figures, directory),
    ]


def _draw_digits(path: Path, rows: int = 2, columns: int = 10) -> Path:
    """Draw digits that come with the package, with the classes that the default network gives them."""
    images, labels = digits.load()
    classes = classify(logits(load_network(find(DEFAULT)), images))
    with picture(path, (6.6, 1.9), rows, columns) as panels:
        for axes, image, label, answer in zip(panels.flat, images, labels, classes):
            axes.imshow(image, cmap="gray")
            axes.set_title(str(answer) if answer == label else f"{answer}, not {label}", fontsize=11)
            axes.axis("off")
    return path


def _draw_ladder(figures: Figures, directory: Path) -> Path:
    """Draw images per second over LUT for every design, from memory and from an array, and as published."""
    path = directory / "images" / "ladder.svg"
    with picture(path, (6.6, 7)) as axes:
        for rung in _with_python(figures):
            if part_of(rung) != SMALLEST_PART:
                continue
            label = "{engine}, {network}: ".format(**rung["ideal"]) + _accuracy(rung)
            label += f", {rung['top']['dsp48e1']} DSP"
            lut = rung["top"]["lut"]
            (drawn,) = axes.plot(lut, rung["from_memory"], "o", markersize=9, label=label)
            axes.plot(lut, rung["from_array"], "o", markersize=13, color=drawn.get_color(), fillstyle="none")
        label = f"circles: from a uint8 array, through Python on {figures['python']['machine']}"
        axes.plot([], [], "o", markersize=13, color=INK, fillstyle="none", label=label)
        label = "published LST-1, IP core alone: {accuracy:.2f} %, {dsp48e1} DSP".format(**PUBLISHED)
        axes.plot(PUBLISHED["lut"], PUBLISHED["images_per_second"], "s", color=INK, label=label)
        axes.axvline(DEVICE["lut"], color="tab:red", linestyle=":", label="all of the XC7Z010")
        axes.set(
            xlabel="synthesised area of the whole design, LUT",
            ylabel="images per second at the assumed clock",
            yscale="log",
            xlim=(0, 1.02 * DEVICE["lut"]),
        )
        axes.figure.legend(loc="outside lower center")
    return path


def _draw_accuracy(figures: Figures, directory: Path) -> Path:
    """Draw accuracy over images per second from memory: a colour for an engine, a shape for a network."""
    path = directory / "images" / "ladder_accuracy.svg"
    rungs = [rung for rung in _with_python(figures) if rung["ideal"]["dataset"] == "mnist"]
    engines, networks = (
        list(dict.fromkeys(rung["ideal"][key] for rung in rungs)) for key in ("engine", "network")
    )
    with picture(path, (6.6, 4.8)) as axes:
        for rung in rungs:
            engine, network = rung["ideal"]["engine"], rung["ideal"]["network"]
            axes.plot(
                rung["from_memory"],
                rung["accuracy"],
                "os^Dv<"[networks.index(network) % 6],
                color=f"C{engines.index(engine)}",
                markersize=8,
                label=f"{engine}, {network}",
            )
        axes.margins(x=0.1, y=0.1)
        axes.set(xlabel="images per second from memory", ylabel="MNIST test images right, %", xscale="log")
        axes.figure.legend(loc="outside lower center", ncols=2)
    return path


PAGE = Page(
    ROOT / "docs" / "ladder.md",
    _TEMPLATES / "ladder.md.j2",
    view,
    draw,
    (
        Excerpt(ROOT / "README.md", COMMAND, _TEMPLATES / "readme_ladder.md.j2"),
        Excerpt(ROOT / "docs" / "index.md", COMMAND, _TEMPLATES / "index_ladder.md.j2"),
    ),
)
