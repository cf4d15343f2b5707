"""Docstrings as Markdown: an extension of griffe, which reads them for the API reference of the site.

Our docstrings list parameters and fields as lines of ``name: text``, with the text's further lines indented.
"""

from __future__ import annotations

import re

import griffe

_ITEM = re.compile(r"([\w.*]+(?:, [\w.*]+)*):\s+(?=\S)")


class DocstringLists(griffe.Extension):
    """Makes each such paragraph a list."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        if obj.docstring:
            obj.docstring.value = with_lists(obj.docstring.value)


def with_lists(text: str) -> str:
    """Return the text of a docstring with its paragraphs of ``name: text`` as lists."""
    return "\n\n".join(map(_as_list, re.split(r"\n\s*\n", text)))


def _as_list(paragraph: str) -> str:
    lines = paragraph.split("\n")
    starts = [line for line in lines if not line.startswith(" ")]
    if not all(map(_ITEM.match, starts)):
        return paragraph
    listed = []
    for line in lines:
        item = _ITEM.match(line)
        if item:
            names = ", ".join(f"`{name.strip()}`" for name in item[1].split(","))
            listed.append(f"- {names}: {line[item.end() :]}")
        else:
            listed.append("    " + line.strip())
    return "\n".join(listed)
