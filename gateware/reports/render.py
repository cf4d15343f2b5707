"""The pages that gateware writes from figures, and how they are made again without measuring."""

from __future__ import annotations

from pathlib import Path
from typing import List

from gateware.reports import frontier, ladder, results

PAGES = (ladder.PAGE, results.PAGE, frontier.PAGE)


def render() -> List[Path]:
    """Make every page again from the figures that are kept. Returns the files written."""
    return list(dict.fromkeys(path for page in PAGES for path in page.render()))  # README.md has two excerpts
