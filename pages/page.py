"""One page: where its figures, its prose and its Markdown are, and how the Markdown is made."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import jinja2

from pages.table import confusion_table, table

Figures = Dict[str, Any]
_ENVIRONMENT = jinja2.Environment(
    undefined=jinja2.StrictUndefined,  # a figure that is missing is an error, not an empty string
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.globals.update(table=table, confusion_table=confusion_table)
_ENVIRONMENT.filters["number"] = lambda value, spec=",": format(value, spec)


_WIDTH = 110
_JSON_WIDTH = 240
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def render(template: Path, figures: Mapping[str, Any]) -> str:
    """Return the template's text with the figures in it, its paragraphs and lists wrapped.

    Templates know `table`, `confusion_table` and the filter `number`.
    """
    text = _ENVIRONMENT.from_string(template.read_text(encoding="utf-8")).render(figures)
    parts = _FENCED.split(text)  # the odd ones are code
    parts[::2] = [re.sub(r"\n{3,}", "\n\n", part) for part in parts[::2]]
    parts[::2] = ["\n\n".join(map(_wrapped, part.split("\n\n"))) for part in parts[::2]]
    return "".join(parts)


def _wrapped(block: str) -> str:
    """Wrap a block between two empty lines if it is a paragraph or a list, not a table or a heading."""
    text = block.strip("\n")
    if not text or text[0] in "|#<!":
        return block
    items = re.split(r"\n(?=- )", text)
    indent = "  " if text.startswith("- ") else ""
    lines = [
        textwrap.fill(
            " ".join(item.split()),
            _WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    ]
    return block.replace(text, "\n".join(lines))


@dataclass(frozen=True)
class Excerpt:
    """A few figures of a page inside another file, between two comments that name the command."""

    path: Path
    command: str
    template: Path

    def text(self, figures: Mapping[str, Any]) -> str:
        """Return the whole file with new figures. ValueError if it has no place for them."""
        begin, end = f"<!-- figures: `{self.command}` -->\n", "<!-- end of figures -->"
        before, found, rest = self.path.read_text(encoding="utf-8").partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{self.path} must have the lines {begin.strip()} and {end}, and has not")
        return before + begin + render(self.template, figures) + end + after


@dataclass(frozen=True)
class Page:
    """A Markdown file that is made from figures.

    path: the Markdown file; its figures lie beside it, with the suffix .json.
    view: figures -> what the template shows of them: ratios, rows of tables.
    draw: figures, directory of the page -> the pictures it wrote.
    """

    path: Path
    template: Path
    view: Callable[[Figures], Mapping[str, Any]] = dict
    draw: Optional[Callable[[Figures, Path], List[Path]]] = None
    excerpts: Tuple[Excerpt, ...] = ()

    @property
    def figures_path(self) -> Path:
        return self.path.with_suffix(".json")

    def figures(self) -> Figures:
        """Return the figures that are kept; an empty dictionary if nothing was measured yet."""
        path = self.figures_path
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def text(self, figures: Figures) -> str:
        """Return the page's Markdown."""
        return render(self.template, self.view(figures))

    def texts(self, figures: Figures) -> Dict[Path, str]:
        """Return the contents of every text file that shows these figures."""
        texts = {self.path: self.text(figures)}
        for excerpt in self.excerpts:
            texts[excerpt.path] = excerpt.text(self.view(figures))
        return texts

    def render(self) -> List[Path]:
        """Make Markdown and pictures again from the figures that are kept. Returns the files written."""
        figures = self.figures()
        texts = self.texts(figures)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        return [*texts, *(self.draw(figures, self.path.parent) if self.draw else [])]

    def write(self, figures: Figures) -> List[Path]:
        """Keep the figures and make the page from them. Returns the files written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.figures_path.write_text(as_json(figures), encoding="utf-8")
        return [self.figures_path, *self.render()]


def as_json(figures: Figures) -> str:
    """Return JSON that is small and readable as a diff: sorted keys, plain lists and objects on one line."""
    text = json.dumps(figures, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return re.sub(r"(?<=[\[{])\n\s+([^][{}]*?)\n\s+(?=[\]}])", _on_one_line, text) + "\n"


def _on_one_line(found: re.Match) -> str:
    line = re.sub(r",\n\s+", ", ", found[1])
    return line if len(line) < _JSON_WIDTH else found[0]
