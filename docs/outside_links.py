"""A MkDocs hook: files outside docs/ to which a page links become part of the site, below source/.

So the pages can have links that work on GitHub too.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

LINK = re.compile(r"(\]\()(?![a-z]+:)([^)#\s]+)")


def on_files(files, config):
    root = Path(config.config_file_path).parent
    pages = [file for file in files if file.src_uri.endswith(".md")]
    for page in pages:  # the list grows: a page from outside may link to others
        for _, link in LINK.findall(page.content_string):
            uri = _on_site(page.src_uri, link)
            path = root / uri[len("source/") :]
            if uri.startswith("source/") and path.is_file() and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, abs_src_path=str(path)))
                if uri.endswith(".md"):
                    pages.append(files.get_file_from_path(uri))
    return files


def on_page_markdown(markdown, page, **_):
    uri = page.file.src_uri
    return LINK.sub(
        lambda match: match[1] + posixpath.relpath(_on_site(uri, match[2]), posixpath.dirname(uri) or "."),
        markdown,
    )


def _on_site(src_uri, link):
    """The place on the site of the file to which ``link`` leads in the repository."""
    page = src_uri[len("source/") :] if src_uri.startswith("source/") else f"docs/{src_uri}"
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path[len("docs/") :] if path.startswith("docs/") else f"source/{path}"
