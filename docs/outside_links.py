"""For MkDocs: what a page links to outside docs/ becomes part of the site, below source/. The pages keep links that work on GitHub."""
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

LINK = re.compile(r"(\]\()([^)#\s]+)")


def on_files(files, config):
    root = Path(config.config_file_path).parent
    for page in [file for file in files if file.src_uri.endswith(".md")]:
        for target in filter(None, (_outside(page.src_uri, link) for _, link in LINK.findall(page.content_string))):
            if (root / target).is_file() and files.get_file_from_path(f"source/{target}") is None:
                files.append(File.generated(config, f"source/{target}", abs_src_path=str(root / target)))
    return files


def on_page_markdown(markdown, page, **_):
    def moved(match):
        target = _outside(page.file.src_uri, match[2])
        return match[0] if target is None else match[1] + posixpath.relpath(f"source/{target}", posixpath.dirname(page.file.src_uri))
    return LINK.sub(moved, markdown)


def _outside(src_uri, link):
    """The linked path from the repository's root, if it lies outside docs/; None for every other link."""
    if ":" in link:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(src_uri), link))
    return path[3:] if path.startswith("../") else None
