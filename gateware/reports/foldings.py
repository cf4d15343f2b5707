"""What foldings of the streaming engine need, derived from the networks: a table in the theory of operation.

`python -m gateware.reports.foldings` writes it, as `python -m gateware render` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

from gateware import ROOT
from gateware.engines.resmlp_streaming.cost import cost, fold_for, patches_of
from gateware.engines.resmlp_streaming.folding import fold
from gateware.engines.resmlp_streaming.stages import branches
from lst_overlay.network import NetworkError, load_network
from lst_overlay.samples.shipped_networks import find, names
from pages.page import Excerpt

# Clocks between two images of the published streaming accelerators.
PUBLISHED = {"learned functions": 6_240, "ReLU": 12_352}
CLOCK_MHZ = 200
EXCERPT = Excerpt(
    ROOT / "docs" / "theory_of_operation.md",
    "python -m gateware.reports.foldings",
    Path(__file__).parent / "templates" / "theory_foldings.md.j2",
)


def rows() -> Iterator[Dict[str, Any]]:
    """A row for each shipped network and part that holds it, and for the published design's interval."""
    for name in names("resmlp"):
        network = load_network(find(name))
        found = branches(network)
        functions = (
            "ReLU"
            if any(stage.matrix.relu for branch in found for stage in branch.stages)
            else "learned functions"
        )
        wanted = [
            ("XC7Z010", "xc7z010"),
            ("XC7Z020", "xc7z020"),
            (f"at most {PUBLISHED[functions]:,} clocks", None),
        ]
        for purpose, part in wanted:
            try:
                folds = (
                    fold_for(network, part)
                    if part
                    else fold(found, PUBLISHED[functions], patches_of(network))
                )
            except NetworkError:
                continue
            needed = cost(network, found, folds)
            yield {
                "network": name,
                "purpose": purpose,
                "interval": needed.interval,
                "rate": 1e6 * CLOCK_MHZ / needed.interval,
                "dsp48e1": needed.dsp48e1,
                "ramb18": needed.ramb18,
                "lut": needed.lut,
            }


def view() -> Dict[str, Any]:
    return {"rows": list(rows()), "clock_mhz": CLOCK_MHZ, "published": PUBLISHED}


def write_foldings() -> List[Path]:
    """Write the table. Returns the file."""
    EXCERPT.path.write_text(EXCERPT.text(view()), encoding="utf-8")
    return [EXCERPT.path]


if __name__ == "__main__":
    print(*write_foldings())
