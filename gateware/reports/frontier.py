"""docs/frontier.md: networks of many formats on the row-parallel engine, accuracy over what their constants cost in LUT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List

from gateware import ROOT
from gateware.engines.row_parallel.adder_graph import AdderGraph
from gateware.engines.row_parallel.engine import packed_layout
from gateware.engines.row_parallel.limits import LUT, LUT_SHARE, estimate
from gateware.reports.report import markdown_table
from lst_overlay.network import Network, NetworkError, load_network, parameter_words
from lst_overlay.samples.shipped_networks import names

COMMAND = "make frontier"


@dataclass(frozen=True)
class Point:
    """additions: of W1 and W2. lut: estimated, of the whole design with packed pixels. validation, test: percent, of the integers."""

    name: str
    seed: int
    formats: str
    additions: int
    lut: int
    validation: float
    test: float

    @property
    def fits(self) -> bool:
        return self.lut <= LUT_SHARE * LUT


def point_of(network: Network) -> Point:
    """Accuracies are those that its provenance has. NetworkError if they are missing, or the engine could not have it at all."""
    parameter_words(network)
    found = estimate(network, packed_layout(network))
    rows, columns, dense = network.layers
    formats = f"{rows.weights_width}, {columns.weights_width}, {dense.weights_width} / {rows.activation.width} / {network.pixel_bits}"
    additions = sum(len(AdderGraph.of(layer.weights_q).additions) for layer in (rows, columns))
    told = network.provenance
    missing = [
        key for key in ("recipe", "seed", "accuracy_validation", "accuracy_integer") if key not in told
    ]
    if missing:
        raise NetworkError(
            f"network {network.name!r}: its provenance does not tell {', '.join(missing)}, which the frontier needs"
        )
    return Point(
        told["recipe"],
        told["seed"],
        formats,
        additions,
        found.lut,
        told["accuracy_validation"],
        told["accuracy_integer"],
    )


def frontier(points: List[Point]) -> List[Point]:
    """Those that no other one beats in validation accuracy without more LUT, the smallest first."""
    best: List[Point] = []
    for point in sorted(points, key=lambda point: (point.lut, -point.validation)):
        if not best or point.validation > best[-1].validation:
            best.append(point)
    return best


def write_frontier(files: List[Path]) -> List[Path]:
    """files: network files of the row-parallel engine's kind, with validation accuracy in their provenance. Returns the files written."""
    points = [point_of(load_network(file)) for file in files]
    page, picture = ROOT / "docs" / "frontier.md", ROOT / "docs" / "images" / "frontier.svg"
    page.write_text(_page(points))
    _plot(points, picture)
    return [page, picture]


def _page(points: List[Point]) -> str:
    best = frontier(points)
    shipped = set(names())
    rows = [
        [
            f"**{point.name}**" if point.name in shipped else point.name,
            str(point.seed),
            point.formats,
            f"{point.additions:,}",
            f"{point.lut:,}",
            f"{100 * point.lut / LUT:.0f} %",
            f"{point.validation:.2f}",
            f"{point.test:.2f}",
            "refused" if point.lut > LUT_SHARE * LUT else "yes" if point in best else "",
        ]
        for point in sorted(points, key=lambda point: point.lut)
    ]
    return "\n".join(
        [
            "# Accuracy over area",
            "",
            f"Written by `{COMMAND}` from the runs in build/train. On the row-parallel engine W1 and W2 are additions, so fewer bits of",
            "weight are less logic. LUT are the generator's estimate for the whole design with packed pixels",
            "(`gateware/engines/row_parallel/limits.py`), within 4 % of synthesis where both are known ([the ladder](ladder.md)); what is",
            f"above {LUT_SHARE:.0%} of the XC7Z010's {LUT:,} is refused. The frontier is drawn by *validation* accuracy; test accuracy, of the",
            "integers, stands beside it and decided nothing. A run: `python -m model train recipes/NAME.toml --seed N`.",
            "",
            "![accuracy over LUT](images/frontier.svg)",
            "",
            "Formats: bits of weights of rows, columns and classifier / of activations / of pixels.",
            "",
            *markdown_table(
                [
                    "network",
                    "seed",
                    "formats",
                    "additions",
                    "LUT (estimate)",
                    "of the part",
                    "validation",
                    "test",
                    "on the frontier",
                ],
                rows,
            ),
            "",
            "Bold: recipes of which a network is shipped: that of the seed that is best on validation, of equal ones the first.",
            "",
        ]
    )


def _plot(points: List[Point], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "frontier"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name in sorted({point.name for point in points}):
        runs = [point for point in points if point.name == name]
        axes.plot(
            [point.lut for point in runs],
            [point.validation for point in runs],
            "o",
            label=f"{name}: {runs[0].formats}",
        )
    best = frontier(points)
    axes.step(
        [point.lut for point in best],
        [point.validation for point in best],
        where="post",
        color="black",
        linewidth=0.8,
    )
    axes.axvline(LUT_SHARE * LUT, color="tab:red", linestyle=":")
    axes.text(
        LUT_SHARE * LUT,
        axes.get_ylim()[0],
        f"{LUT_SHARE:.0%} of the XC7Z010 ",
        ha="right",
        va="bottom",
        color="tab:red",
        fontsize=8,
    )
    axes.set(
        xlabel="LUT of the whole design, estimated", ylabel="validation accuracy of the integers, percent"
    )
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
