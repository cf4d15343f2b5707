"""Markdown that several pages are made of."""

from __future__ import annotations

from typing import List, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    """A Markdown table, a list of lines."""
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
