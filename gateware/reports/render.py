"""The pages that gateware writes from figures, and how they are made again without measuring."""

from __future__ import annotations

from pathlib import Path
from typing import List

from gateware.reports import clocks, frontier, ladder, results
from gateware.reports.diagrams import write_diagrams
from gateware.reports.foldings import write_foldings
from gateware.reports.utilisation import write_utilisation

PAGES = (ladder.PAGE, clocks.PAGE, results.PAGE, frontier.PAGE)


def render() -> List[Path]:
    """Make every page again from the figures that are kept, and diagrams. Returns the files written."""
    paths = [path for page in PAGES for path in page.render()]
    return [
        *dict.fromkeys(paths),
        *write_diagrams(),
        *write_utilisation(),
        *write_foldings(),
    ]  # README.md shows figures of two pages
