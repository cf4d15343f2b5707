"""Block diagrams: where blocks stand, which way wires lead, and what both colour schemes can show."""

import re
from xml.etree import ElementTree

from pages.diagram import Block, Wire, block_diagram
from pages.plot import INK

CHAIN = [Block("first"), Block("second", ("a line", "<another>")), Block("third")]
WIRES = [Wire("first", "second", ("8 bits",)), Wire("second", "third")]


def tops(svg):
    """Name -> the y of its text."""
    return {text.text: float(text.get("y")) for text in texts(svg) if text.get("font-weight")}


def texts(svg):
    return ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")


def paths(svg):
    return re.findall(r'<path d="([^"]+)" fill="none"', svg)


def test_a_block_stands_below_all_that_lead_to_it():
    svg = block_diagram([*CHAIN, Block("fourth")], [*WIRES, Wire("first", "fourth"), Wire("third", "fourth")])
    y = tops(svg)
    assert y["first"] < y["second"] < y["third"] < y["fourth"]


def test_blocks_of_one_source_stand_side_by_side():
    y = tops(block_diagram(CHAIN, [Wire("first", "second"), Wire("first", "third")]))
    assert y["second"] == y["third"]


def test_names_lines_and_labels_are_shown_as_they_are():
    shown = [text.text for text in texts(block_diagram(CHAIN, WIRES))]
    assert {"first", "second", "a line", "<another>", "third", "8 bits"} <= set(shown)


def test_a_wire_back_ends_above_its_begin_and_beside_the_blocks():
    svg = block_diagram(CHAIN, [*WIRES, Wire("third", "first", ("again",))])
    begin, lane, end = re.search(r"M\S+ (\S+)H(\S+)V(\S+)H", paths(svg)[-1]).groups()
    assert float(end) < float(begin)
    right = max(float(x) + float(w) for x, w in re.findall(r'<rect x="(\S+)" y="\S+" width="(\S+)"', svg))
    assert float(lane) > right


def test_a_wire_back_does_not_cross_the_block_beside_its_source():
    blocks = [Block("first"), Block("left"), Block("right")]
    svg = block_diagram(blocks, [Wire("first", "left"), Wire("first", "right"), Wire("left", "first")])
    lane = float(re.search(r"H(\S+)V\S+H", paths(svg)[-1])[1])
    assert lane < min(float(x) for x in re.findall(r'<rect x="(\S+)"', svg))


def test_everything_is_inside_the_picture():
    svg = block_diagram(
        CHAIN, [*WIRES, Wire("first", "third", ("skips",)), Wire("third", "first", ("back",))]
    )
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    for path in paths(svg):
        assert all(0 < float(x) < width for x in re.findall(r"[MH]([\d.]+)", path))
        assert all(0 < float(y) < height for y in re.findall(r"V([\d.]+)", path))


def test_the_only_colour_is_the_grey_that_light_and_dark_pages_show():
    assert set(re.findall(r"#\w{3,6}", block_diagram(CHAIN, WIRES))) == {INK}
