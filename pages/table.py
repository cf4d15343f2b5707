"""Markdown tables from rows of data."""

from __future__ import annotations

import re
import string
from typing import Any, List, Mapping, Optional, Sequence, Tuple

_NUMBER = re.compile(r"·|[-+]?\d[\d,]*(\.\d+)?( \+- [\d.]+| %| [num]?s)?")


class _NoFigure(Exception):
    """A cell's pattern names a value that is None."""


class _Formatter(string.Formatter):
    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tuple[Any, str]:
        """Look up ``{divergence[32]}`` by the key "32" in a mapping, since JSON has no other keys."""
        first, *keys = re.findall(r"[^][]+", field_name)
        value = kwargs[first]
        for key in keys:
            if value is None:
                raise _NoFigure
            value = value[key if isinstance(value, Mapping) else int(key)]
        return value, first

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            raise _NoFigure
        return super().format_field(value, format_spec)


_FORMATTER = _Formatter()


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Return a Markdown table without its last line break; empty if there is no figure of ours to show.

    columns: heading -> what a cell shows, as a pattern of str.format over the row, such as ``{time[ms]:.2f}
    ms``. A cell with a value that is None stays empty, and a column of empty cells is left out. A row whose
    figures are not ours has ``of_others`` set to true; without any other row there is no table.
    """
    if all(row.get("of_others") for row in rows):
        return ""
    cells = {heading: [_cell(pattern, row) for row in rows] for heading, pattern in columns.items()}
    shown = {heading: column for heading, column in cells.items() if any(column)}
    rules = ["---:" if _is_numeric(column) else "---" for column in shown.values()]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(shown), rules, *zip(*shown.values())])


def confusion_table(counts: Sequence[Sequence[int]], names: Optional[Sequence[str]] = None) -> str:
    """Return counts[label][class] as a table with a row per label and a column per class; a dot is 0.

    names: of the classes; None shows their numbers.
    """
    names = names or [str(number) for number in range(len(counts))]
    rows = [{"label": name, "counts": [count or "·" for count in row]} for name, row in zip(names, counts)]
    return table(rows, {"": "**{label}**", **{name: f"{{counts[{n}]}}" for n, name in enumerate(names)}})


def _cell(pattern: str, row: Mapping[str, Any]) -> str:
    try:
        return _FORMATTER.vformat(pattern, (), row)
    except _NoFigure:
        return ""


def _is_numeric(column: List[str]) -> bool:
    return all(_NUMBER.fullmatch(cell) for cell in column if cell)
