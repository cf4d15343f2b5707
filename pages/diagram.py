"""Block diagrams as SVG, from top to bottom: readable on a phone, on light and on dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Dict, List, Sequence, Tuple

from pages.plot import INK

_CHARACTER, _LINE = 6.9, 17  # px: about the mean advance of 13 px text, and the height of a line
_PAD, _ROW_GAP, _COLUMN_GAP, _LANE = 10, 52, 24, 16
_ARROW = 6


@dataclass(frozen=True)
class Block:
    """A box: its name in bold, and lines of text below."""

    name: str
    lines: Tuple[str, ...] = ()

    @property
    def width(self) -> float:
        return max(map(len, (self.name, *self.lines))) * _CHARACTER + 2 * _PAD

    @property
    def height(self) -> float:
        return _LINE * (1 + len(self.lines)) + 2 * _PAD


@dataclass(frozen=True)
class Wire:
    """An arrow between two blocks, which are given by name; lines of its label tell what it carries."""

    source: str
    sink: str
    label: Tuple[str, ...] = ()


def block_diagram(blocks: Sequence[Block], wires: Sequence[Wire]) -> str:
    """Return the SVG. A block stands one row below the lowest one from which a wire leads to it.

    A wire to a block that comes earlier in ``blocks`` leads back, beside the others.
    """
    place = {block.name: number for number, block in enumerate(blocks)}
    forward = [wire for wire in wires if place[wire.source] < place[wire.sink]]
    row: Dict[str, int] = {}
    for block in blocks:
        row[block.name] = 1 + max(
            (row[wire.source] for wire in forward if wire.sink == block.name), default=-1
        )
    rows = [
        [block for block in blocks if row[block.name] == number] for number in range(1 + max(row.values()))
    ]
    straight = [wire for wire in forward if row[wire.sink] == row[wire.source] + 1]
    last = {line[-1].name for line in rows}
    # A wire back keeps to the right, unless another block stands there; what skips a row keeps to the left.
    right = [wire for wire in wires if wire not in forward and {wire.source, wire.sink} <= last]
    around = {"left": [wire for wire in wires if wire not in straight + right], "right": right}
    # A label stands beside an arrow into the middle of a block.
    cells = {block.name: block.width for block in blocks}
    for wire in straight:
        cells[wire.sink] = max(
            [cells[wire.sink], *(2 * len(line) * _CHARACTER + 2 * _PAD for line in wire.label)]
        )
    widths = [sum(cells[block.name] for block in line) + _COLUMN_GAP * (len(line) - 1) for line in rows]
    left = _PAD + _lanes(around["left"])
    width = left + max(widths) + _lanes(around["right"]) + _PAD
    boxes: Dict[str, Tuple[float, float, Block]] = {}
    top = float(_PAD)
    for line, line_width in zip(rows, widths):
        x = left + (max(widths) - line_width) / 2
        for block in line:
            boxes[block.name] = (x + (cells[block.name] - block.width) / 2, top, block)
            x += cells[block.name] + _COLUMN_GAP
        top += max(block.height for block in line) + _ROW_GAP
    height = top - _ROW_GAP + _PAD
    parts = [_box(*box) for box in boxes.values()]
    parts += [_down(wire, straight, boxes) for wire in straight]
    for side, edge, outward in (("left", left, -1), ("right", left + max(widths), 1)):
        offset = 0.0
        for wire in around[side]:
            offset += _lane(wire)
            parts.append(_around(wire, around[side], boxes, edge + outward * offset, outward))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="13" fill="{INK}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _lane(wire: Wire) -> float:
    """The width beside the blocks that a wire needs, with its label written along it."""
    return _LANE + (_LINE if wire.label else 0)


def _lanes(wires: Sequence[Wire]) -> float:
    return sum(map(_lane, wires)) + (_LANE if wires else 0)


def _box(x: float, y: float, block: Block) -> str:
    middle = x + block.width / 2
    texts = []
    for number, line in enumerate((block.name, *block.lines)):
        weight = "" if number else ' font-weight="bold"'
        y_text = y + _PAD + 13 + _LINE * number
        texts.append(
            f'<text x="{middle:.1f}" y="{y_text:.1f}" text-anchor="middle"{weight}>{escape(line)}</text>'
        )
    shape = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{block.width:.1f}" height="{block.height:.1f}" rx="4" '
        f'fill-opacity="0.1" stroke="{INK}"/>'
    )
    return "\n".join([shape, *texts])


def _share(wire: Wire, ends: List[Wire], start: float, length: float) -> float:
    """The place of a wire among those that share a side of a block."""
    return start + length * (1 + ends.index(wire)) / (1 + len(ends))


def _down(wire: Wire, wires: List[Wire], boxes) -> str:
    x, y, block = boxes[wire.source]
    out = sorted((one for one in wires if one.source == wire.source), key=lambda one: boxes[one.sink][0])
    begin = _share(wire, out, x, block.width)
    x, end, sink = boxes[wire.sink]
    into = sorted((one for one in wires if one.sink == wire.sink), key=lambda one: boxes[one.source][0])
    target = _share(wire, into, x, sink.width)
    y += block.height
    path = f"M{begin:.1f} {y:.1f}V{y + 14:.1f}H{target:.1f}V{end - _ARROW:.1f}"
    # Beside the arrow, on the side where no other arrow is.
    first = len(into) > 1 and wire == into[0]
    anchor, text_x = ("end", target - 6) if first else ("start", target + 6)
    label = [
        f'<text x="{text_x:.1f}" y="{end - 8 - 15 * number:.1f}" text-anchor="{anchor}">{escape(line)}</text>'
        for number, line in enumerate(reversed(wire.label))
    ]
    return "\n".join([_line(path), _head(target, end, "down"), *label])


def _around(wire: Wire, wires: List[Wire], boxes, lane: float, outward: int) -> str:
    """A wire that leaves and enters at the same side of the blocks."""

    def touches(name: str) -> Tuple[float, float]:
        x, y, block = boxes[name]
        ends = [one for one in wires if name in (one.source, one.sink)]
        return x + (block.width if outward > 0 else 0), _share(wire, ends, y, block.height)

    (x, y), (end_x, end_y) = touches(wire.source), touches(wire.sink)
    path = f"M{x:.1f} {y:.1f}H{lane:.1f}V{end_y:.1f}H{end_x + outward * _ARROW:.1f}"
    text_x = lane - 5 if outward > 0 else lane + 14
    turned = f"translate({text_x:.1f} {(y + end_y) / 2:.1f}) rotate(-90)"
    label = f'<text transform="{turned}" text-anchor="middle">{escape(", ".join(wire.label))}</text>'
    return "\n".join([_line(path), _head(end_x, end_y, "left" if outward > 0 else "right"), label])


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{INK}"/>'


def _head(x: float, y: float, towards: str) -> str:
    along, across = _ARROW, _ARROW / 2
    corners = {
        "down": (x - across, y - along, x + across, y - along),
        "left": (x + along, y - across, x + along, y + across),
        "right": (x - along, y - across, x - along, y + across),
    }[towards]
    return '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z"/>'.format(*corners[:2], x, y, *corners[2:])
