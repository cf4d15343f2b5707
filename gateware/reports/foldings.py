"""What foldings of the streaming engine need, derived from the networks: a table in the theory of operation.

`python -m gateware.reports.foldings` writes it, as `python -m gateware render` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

from gateware import ROOT
from gateware.device import CAPACITY
from gateware.engines.resmlp_streaming.cost import cost, fold_for
from gateware.engines.resmlp_streaming.stages import branches
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find, names
from pages.page import Excerpt

CLOCK_MHZ = 200
EXCERPT = Excerpt(
    ROOT / "docs" / "theory_of_operation.md",
    "python -m gateware.reports.foldings",
    Path(__file__).parent / "templates" / "theory_foldings.md.j2",
)


def rows() -> Iterator[Dict[str, Any]]:
    """A row for each shipped network and each part that holds it."""
    for name in names("resmlp"):
        network = load_network(find(name))
        for part in CAPACITY:
            try:
                folds = fold_for(network, part)
            except NetworkError:
                continue
            needed = cost(network, branches(network), folds)
            yield {
                "network": name,
                "part": part.upper(),
                "interval": needed.interval,
                "rate": 1e6 * CLOCK_MHZ / needed.interval,
                "dsp48e1": needed.dsp48e1,
                "ramb18": needed.ramb18,
                "lut": needed.lut,
            }


def view() -> Dict[str, Any]:
    return {"rows": list(rows()), "clock_mhz": CLOCK_MHZ}


def write_foldings() -> List[Path]:
    """Write the table. Returns the file."""
    EXCERPT.path.write_text(EXCERPT.text(view()), encoding="utf-8")
    return [EXCERPT.path]


if __name__ == "__main__":
    print(*write_foldings())
