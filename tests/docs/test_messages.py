"""Error messages that the pages quote are messages of the sources: people search for what they see."""

import ast
import re
from itertools import product

import pytest

from tests.docs.pages import ROOT, blocks, prose

SOURCES = [
    path
    for part in ("driver", "gateware", "model", "datasets")
    for path in sorted((ROOT / part).rglob("*.py"))
]
HOLE = "\0"


def templates(node):
    """The strings that an expression makes, one for each branch of a condition, with HOLE for a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(parts) for parts in product(*map(templates, node.values))]
    if isinstance(node, ast.FormattedValue):
        return templates(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return ["".join(parts) for parts in product(templates(node.left), templates(node.right))]
    if isinstance(node, ast.IfExp):
        return templates(node.body) + templates(node.orelse)
    return [HOLE]


@pytest.fixture(scope="module")
def messages():
    """Lines of the strings of the sources, each as its literal parts between what is filled in."""
    nodes = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))]
    found = {
        text
        for node in nodes
        if isinstance(node, (ast.JoinedStr, ast.BinOp, ast.Constant))
        for text in templates(node)
    }
    makefile = re.sub(r"`[^`]*`", f"`{HOLE}`", (ROOT / "Makefile").read_text().replace("$(PYTHON)", HOLE))
    found |= set(re.findall(r'echo "([^"]+)"', makefile))
    return [
        line.split(HOLE)
        for line in {line for text in found for line in text.splitlines()}
        if line.count(" ") > 1
    ]


def is_message(quoted, messages):
    """Whether some message reads so, or begins so if ``quoted`` ends with '...'.

    At least half of the letters must be the message's own, not a value's.
    """
    return any(
        matched(quoted, parts) or quoted.endswith("...") and begins(quoted[:-3], parts) for parts in messages
    )


def matched(text, parts):
    return 2 * sum(map(len, parts)) >= len(text.replace("...", "")) and re.fullmatch(
        ".*".join(map(re.escape, parts)), text
    )


def begins(text, parts):
    """The text ends within one of the parts."""
    for number, part in enumerate(parts):
        cut = next((length for length in range(len(part), 0, -1) if text.endswith(part[:length])), 0)
        if cut and matched(text, [*parts[:number], part[:cut]]):
            return True
    return False


def quotations():
    for page in ("troubleshooting.md", "another_network.md", "own_data.md"):
        path = ROOT / "docs" / page
        yield from (
            line for block in blocks(path) if block.language == "text" for line in block.text.splitlines()
        )
        for table in re.findall(r"^\| message \|.*\n\|[-|]+\n((?:\|.*\n)+)", prose(path), re.MULTILINE):
            yield from re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)


def test_there_are_quotations():
    assert len(list(quotations())) > 50


@pytest.mark.parametrize("quoted", sorted(quotations()))
def test_a_quoted_message_is_one_of_the_sources(quoted, messages):
    assert is_message(quoted, messages)


@pytest.mark.parametrize(
    "invented",
    ["the board is on fire", "images must be uint8 pixels 0..254, not float64", "no bitstream here"],
)
def test_an_invented_message_is_told(invented, messages):
    assert not is_message(invented, messages)
