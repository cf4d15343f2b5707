"""The pages that people read, taken apart: links, anchors, fenced blocks."""

import re
from pathlib import Path
from typing import List, NamedTuple

from tests import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "bitstreams/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language ("" if none is given) and its text."""

    language: str
    text: str


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> List[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text())]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> List[str]:
    """Targets of all links and pictures but those into the network."""
    return re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page))


def anchors(page: Path) -> List[str]:
    """Anchors as GitHub derives them from headings: lower case, no punctuation, hyphens for blanks.

    The second heading of a name gets a number.
    """
    found = []
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        found.append(anchor if anchor not in found else f"{anchor}-{found.count(anchor)}")
    return found


def commands(page: Path) -> List[str]:
    """Every command of the page's shell blocks, without comments."""
    lines = [
        line.split("  #")[0].strip()
        for block in blocks(page)
        if block.language == "sh"
        for line in block.text.splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]
