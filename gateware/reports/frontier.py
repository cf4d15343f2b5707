"""docs/frontier.md: networks of many formats on the row-parallel engine, accuracy over estimated LUT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from gateware import ROOT
from gateware.engines.row_parallel.adder_graph import AdderGraph
from gateware.engines.row_parallel.engine import packed_layout
from gateware.engines.row_parallel.limits import LUT, LUT_SHARE, estimate
from lst_overlay.network import Network, NetworkError, load_network, parameter_words
from lst_overlay.samples.shipped_networks import names
from pages.page import Figures, Page
from pages.plot import INK, picture

COMMAND = "make frontier"
Point = Dict[str, Any]


def point_of(network: Network) -> Point:
    """Return what the page says about a network; accuracies, in percent, are those of its provenance.

    Raises NetworkError if the provenance lacks one, or if the engine cannot have the network at all.
    """
    parameter_words(network)
    provenance = network.provenance
    needed = ("recipe", "seed", "accuracy_validation", "accuracy_integer")
    missing = [key for key in needed if key not in provenance]
    if missing:
        raise NetworkError(
            f"network {network.name!r}: its provenance does not tell {', '.join(missing)}, "
            "which the frontier needs"
        )
    weights = ", ".join(str(layer.weights_width) for layer in network.layers)
    return {
        "name": provenance["recipe"],
        "seed": provenance["seed"],
        "formats": f"{weights} / {network.layers[0].activation.width} / {network.pixel_bits}",
        "additions": sum(len(AdderGraph.of(layer.weights_q).additions) for layer in network.layers[:-1]),
        "lut": estimate(network, packed_layout(network)).lut,
        "validation": provenance["accuracy_validation"],
        "test": provenance["accuracy_integer"],
    }


def frontier(points: List[Point]) -> List[Point]:
    """Return the points that no other one beats in validation accuracy without more LUT, by rising LUT."""
    best: List[Point] = []
    for point in sorted(points, key=lambda point: (point["lut"], -point["validation"])):
        if not best or point["validation"] > best[-1]["validation"]:
            best.append(point)
    return best


def write_frontier(files: List[Path]) -> List[Path]:
    """Write the page from network files that the row-parallel engine can have. Returns the files written."""
    points = [point_of(load_network(file)) for file in files]
    return PAGE.write({"points": sorted(points, key=lambda point: point["lut"])})


def view(figures: Figures) -> Dict[str, Any]:
    points, shipped = figures["points"], set(names("lst"))
    best = frontier(points)
    rows = [
        {
            **point,
            "name": f"**{point['name']}**" if point["name"] in shipped else point["name"],
            "share": 100 * point["lut"] / LUT,
            "verdict": "refused" if point["lut"] > LUT_SHARE * LUT else "yes" if point in best else "",
        }
        for point in points
    ]
    return {"command": COMMAND, "points": rows, "lut": LUT, "lut_percent": 100 * LUT_SHARE}


def draw(figures: Figures, directory: Path) -> List[Path]:
    """Draw validation accuracy over LUT, a colour for each recipe, with the frontier and the limit."""
    path, points = directory / "images" / "frontier.svg", figures["points"]
    best = frontier(points)
    with picture(path, (6.6, 6)) as axes:
        for name in sorted({point["name"] for point in points}):
            runs = [point for point in points if point["name"] == name]
            label = f"{name}: {runs[0]['formats']}"
            axes.plot(
                [point["lut"] for point in runs], [point["validation"] for point in runs], "o", label=label
            )
        axes.step(
            [point["lut"] for point in best],
            [point["validation"] for point in best],
            where="post",
            color=INK,
            linewidth=0.8,
            label="frontier",
        )
        axes.axvline(
            LUT_SHARE * LUT, color="tab:red", linestyle=":", label=f"{100 * LUT_SHARE:.0f} % of the XC7Z010"
        )
        axes.set(xlabel="estimated area of the whole design, LUT", ylabel="validation accuracy, percent")
        axes.figure.legend(loc="outside lower center", ncol=2)
    return [path]


PAGE = Page(ROOT / "docs" / "frontier.md", Path(__file__).parent / "templates" / "frontier.md.j2", view, draw)
