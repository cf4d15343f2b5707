"""The share of its multipliers that a ResMLP array uses in each pass, derived from the schedules of LOAD."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import numpy as np

from gateware import ROOT
from gateware.designs import ENGINES
from lst_overlay.network import load_network
from lst_overlay.network.resmlp import Axis, Matrix, ResMLPNetwork
from lst_overlay.network.resmlp.array_format import ARRAYS, MULTIPLIERS, ArrayFormat
from lst_overlay.network.resmlp.array_parameters import pass_clocks
from lst_overlay.network.resmlp.passes import passes
from lst_overlay.samples.shipped_networks import find
from pages.page import Excerpt
from pages.plot import INK, picture

# Cycles of ReLU at h = 2 over those of learned functions at h = 1, on the array of the paper.
PUBLISHED_RATIO = 47_681 / 29_441
PICTURE = ROOT / "docs" / "images" / "array_utilisation.svg"
EXCERPT = Excerpt(
    ROOT / "docs" / "theory_of_operation.md",
    "python -m gateware render",
    Path(__file__).parent / "templates" / "theory_utilisation.md.j2",
)


class Use(NamedTuple):
    """A pass of the schedule.

    layer:    the number of its matrix, and what the matrix is.
    clocks:   of one image, those before the first step of the pass included.
    products: of one image that are part of an output.
    """

    layer: str
    clocks: int
    products: int


def uses(network: ResMLPNetwork, fmt: ArrayFormat) -> List[Use]:
    """The passes of a network in an array."""
    found = []
    for item, clocks in zip(passes(network), pass_clocks(network, fmt)):
        columns = item.channels if item.matrix.axis == Axis.TOKENS else fmt.tokens
        products = item.matrix.weights_q.size * columns
        found.append(Use(f"{item.number}: {_name(item.matrix)}", clocks, products))
    return found


def _name(matrix: Matrix) -> str:
    fan_out, fan_in = matrix.weights_q.shape
    return f"{fan_in} {matrix.axis} to {fan_out}"


def share(products: int, clocks: int, fmt: ArrayFormat) -> float:
    """The percentage of the products for which the array has room in so many clocks."""
    return 100 * products / (clocks * MULTIPLIERS * fmt.products)


def measured() -> Iterator[tuple]:
    """Yield (engine, network, its format) for every network with which an array is measured."""
    for engine, fmt in ARRAYS.items():
        for name in ENGINES[engine].measured_with:
            yield engine, load_network(find(name)), fmt


def rows() -> List[Dict[str, Any]]:
    """The rows of the page's table: an array each."""
    found = []
    for engine, network, fmt in measured():
        whole = uses(network, fmt)
        clocks, products = sum(use.clocks for use in whole), sum(use.products for use in whole)
        found.append(
            {
                "engine": engine,
                "network": network.name,
                "weight_bits": fmt.weight_bits,
                "code_bits": fmt.code_bits,
                "room": MULTIPLIERS * fmt.products,
                "clocks": clocks,
                "products": products,
                "share": share(products, clocks, fmt),
            }
        )
    return found


def view() -> Dict[str, Any]:
    learned, relu = (ENGINES[name].cycles_per_image for name in ("resmlp_array", "resmlp_array_h2"))
    return {"rows": rows(), "learned": learned, "relu": relu, "published": PUBLISHED_RATIO}


def write_utilisation() -> List[Path]:
    """Write table and picture. Returns the files."""
    EXCERPT.path.write_text(EXCERPT.text(view()), encoding="utf-8")
    return [EXCERPT.path, draw(PICTURE)]


def draw(path: Path) -> Path:
    """Draw a bar for each pass: as wide as its clocks, as high as the share of the room that it uses."""
    arrays = list(measured())
    with picture(path, (6.6, 2.6 * len(arrays)), len(arrays), sharey=True) as panels:
        for axes, (engine, network, fmt) in zip(np.ravel(panels), arrays):
            whole = uses(network, fmt)
            ends = np.cumsum([use.clocks for use in whole])
            starts = [0, *ends[:-1]]
            shares = [share(use.products, use.clocks, fmt) for use in whole]
            kinds = [use.layer.split(": ")[1] for use in whole]
            for kind in dict.fromkeys(kinds):
                chosen = [place for place, name in enumerate(kinds) if name == kind]
                axes.bar(
                    [starts[place] for place in chosen],
                    [shares[place] for place in chosen],
                    [whole[place].clocks for place in chosen],
                    align="edge",
                    label=kind,
                    edgecolor=INK,
                    linewidth=0.5,
                )
            for place, use in enumerate(whole):
                middle = starts[place] + use.clocks / 2
                axes.text(middle, 3, use.layer.split(":")[0], ha="center", fontsize=7, color="white")
            axes.set(
                title=f"{engine}, {network.name}",
                xlabel="clock cycles of an image",
                ylabel="products in use, %",
                xlim=(0, ends[-1]),
                ylim=(0, 105),
            )
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="matrix")
    return path
