"""The tree of the site: links that lead within it, notebooks as pages."""

import base64
import json

import pytest

from pages.site import write_tree

PICTURE = b"a picture"


def cell(source, *outputs):
    return {"cell_type": "code", "source": [source], "outputs": list(outputs)}


@pytest.fixture
def tree(tmp_path):
    """A function that writes files of a repository and returns the tree made of them."""

    def write(**files):
        for name, text in {"docs/index.md": "", **files}.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if isinstance(text, str) else json.dumps({"cells": text}))
        write_tree(tmp_path / "tree", tmp_path / "root")
        return tmp_path / "tree"

    return write


def test_a_link_out_of_docs_leads_to_a_copy_within_the_tree(tree):
    made = tree(**{"docs/a/page.md": "[licence](../../LICENSE#top)", "LICENSE": "free"})
    assert (made / "a" / "page.md").read_text() == "[licence](../source/LICENSE#top)"
    assert (made / "source" / "LICENSE").read_text() == "free"


def test_a_page_outside_docs_leads_back(tree):
    made = tree(
        **{"docs/index.md": "[how](../HOW.md)", "HOW.md": "[b](docs/b.md), [c](sub/c.toml)", "sub/c.toml": ""}
    )
    assert (made / "source" / "HOW.md").read_text() == "[b](../b.md), [c](sub/c.toml)"
    assert (made / "source" / "sub" / "c.toml").is_file()


def test_a_link_into_the_network_stays(tree):
    assert (tree(**{"docs/index.md": "[a](https://a.b/c.md)"}) / "index.md").read_text() == (
        "[a](https://a.b/c.md)"
    )


def test_figures_are_not_part_of_the_site(tree):
    assert sorted(path.name for path in tree(**{"docs/a.json": "{}", "docs/a.svg": ""}).iterdir()) == [
        "a.svg",
        "index.md",
    ]


def test_what_was_in_the_tree_before_is_gone(tree):
    (tree() / "old.md").write_text("")
    assert not (tree() / "old.md").exists()


def test_a_link_to_a_notebook_leads_to_its_run(tree):
    made = tree(
        **{
            "docs/index.md": "[one](../driver/notebooks/one.ipynb)",
            "driver/notebooks/one.ipynb": [cell("1 + 1")],
            "docs/notebooks/one.ipynb": [cell("1 + 1", {"data": {"text/plain": ["2"]}})],
        }
    )
    assert (made / "index.md").read_text() == "[one](notebooks/one.md)"
    assert (made / "notebooks" / "one.md").read_text() == "```python\n1 + 1\n```\n\n```output\n2\n```\n"
    assert not (made / "source").exists()


def test_a_notebooks_texts_and_pictures_are_shown_in_order(tree):
    picture = {"data": {"image/png": base64.b64encode(PICTURE).decode(), "text/plain": "<Figure>"}}
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        cell("draw()", {"name": "stdout", "text": ["drawing\n", "done\n"]}, picture),
    ]
    made = tree(**{"docs/notebooks/one.ipynb": cells}) / "notebooks"
    assert (made / "one.md").read_text() == (
        "# Title\ntext\n\n```python\ndraw()\n```\n\n```output\ndrawing\ndone\n```\n\n"
        "![what this cell shows](one-1.png)\n"
    )
    assert (made / "one-1.png").read_bytes() == PICTURE


def test_an_output_in_html_is_shown_as_such(tree):
    table = {"data": {"text/html": ["<table>", "</table>"], "text/plain": "Overlay()"}}
    text = (tree(**{"docs/notebooks/one.ipynb": [cell("a", table)]}) / "notebooks" / "one.md").read_text()
    assert text == "```python\na\n```\n\n<table></table>\n"


def test_progress_and_scripts_of_a_notebook_are_left_out_and_a_widget_is_told(tree):
    outputs = (
        {"name": "stderr", "text": ["10 %"]},
        {"data": {"application/javascript": "1"}},
        {"data": {"text/html": ["<script>", "</script>"], "text/plain": "HTML()"}},
        {"data": {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "FileUpload()"}},
    )
    text = (tree(**{"docs/notebooks/one.ipynb": [cell("a", *outputs)]}) / "notebooks" / "one.md").read_text()
    assert text == "```python\na\n```\n\n*(A widget: it is live when the notebook runs.)*\n"


def test_what_github_must_not_show_stands_in_a_comment(tree):
    made = tree(**{"docs/index.md": "# API\n\n<!-- ::: package.name -->\n\n<!-- a comment -->"})
    assert (made / "index.md").read_text() == "# API\n\n::: package.name\n\n<!-- a comment -->"
