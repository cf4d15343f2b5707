"""The tree of Markdown that the site's generator reads: `python -m pages.site` writes build/pages.

Pages have links that work on GitHub. In the tree each is a link within the site: a file outside docs/ to
which a page links lies below source/, and a notebook is a page. So the generator needs no plugin of ours.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREE = ROOT / "build" / "pages"
_LINK = re.compile(r"(\]\()(?![a-z]+:)([^)#\s]+)")
_COMMENTED = re.compile(r"^<!-- (::: .*?) -->$", re.MULTILINE | re.DOTALL)
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NOT_SHOWN = {".json"}  # figures of the pages


def write_tree(tree: Path = TREE, root: Path = ROOT) -> None:
    """Write the pages and pictures of ``root``/docs, and the files to which they link, into ``tree``."""
    shutil.rmtree(tree, ignore_errors=True)
    waiting = [
        path
        for path in sorted((root / "docs").rglob("*"))
        if path.is_file() and path.suffix not in _NOT_SHOWN
    ]
    for path in waiting:  # the list grows: a page from outside may link to others
        place = tree / _place(path.relative_to(root))
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix != ".md":
            shutil.copyfile(path, place)
            continue
        text = _notebook(path, place.parent) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        for _, link in _LINK.findall(text):
            linked = Path(os.path.normpath(path.parent / link))
            if linked.is_file() and linked.suffix != ".ipynb" and linked not in waiting:
                waiting.append(linked)
        place.write_text(_for_site(text, path.relative_to(root)), encoding="utf-8")


def _place(path: Path) -> Path:
    """The place in the tree of a file of the repository; that of a notebook is its run's."""
    if path.suffix == ".ipynb":
        return Path("notebooks", f"{path.stem}.md")
    return path.relative_to("docs") if path.parts[0] == "docs" else Path("source", path)


def _for_site(text: str, path: Path) -> str:
    """Return the text of the page at ``path`` with links within the tree, and directives uncommented."""

    def within(match: re.Match) -> str:
        linked = Path(os.path.normpath(path.parent / match[2]))
        return match[1] + os.path.relpath(_place(linked), _place(path).parent)

    return _COMMENTED.sub(r"\1", _LINK.sub(within, text))


def _notebook(path: Path, directory: Path) -> str:
    """The Markdown of a notebook with its outputs; its pictures are written into ``directory``."""
    parts = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":  # progress
                continue
            data = output.get("data", {"text/plain": output.get("text")})
            if "image/png" in data:
                picture = f"{path.stem}-{number}.png"
                (directory / picture).write_bytes(base64.b64decode(data["image/png"]))
                parts.append(f"![what this cell shows]({picture})")
            elif "text/html" in data:
                html = "".join(data["text/html"])
                parts += [] if "<script" in html else [html]  # a script finds no notebook here
            elif _WIDGET in data:
                parts.append("*(A widget: it is live when the notebook runs.)*")
            elif "text/plain" in data:
                parts.append("```output\n" + "".join(data["text/plain"]).rstrip() + "\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    write_tree()
