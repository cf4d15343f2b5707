"""The pages that model writes from figures, and how they are made again without measuring."""

from __future__ import annotations

from pathlib import Path
from typing import List

from model.reports import accuracy, learned_page, network_page
from model.reports.study.page import page_of
from model.reports.study.settings import FULL
from pages.page import Page


def pages() -> List[Page]:
    return [accuracy.PAGE, learned_page.PAGE, page_of(FULL), *network_page.written_pages()]


def render() -> List[Path]:
    """Make every page again from the figures that are kept. Returns the files written."""
    return [path for page in pages() for path in page.render()]
