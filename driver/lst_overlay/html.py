"""What notebooks show of an object, as HTML: tables, bars and pictures, for `_repr_html_`.

Every text is escaped: the names in a network file are anybody's.
"""

from __future__ import annotations

import base64
import struct
from html import escape
from typing import Iterable, Mapping

import numpy as np

_LEFT = 'style="text-align: left; line-height: 1.2"'


def table(title: str, rows: Mapping[str, object]) -> str:
    """Return a table with a title and a line for each entry."""
    lines = "".join(
        f"<tr><th {_LEFT}>{escape(str(name))}</th><td {_LEFT}>{escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table><caption {_LEFT}><b>{escape(title)}</b></caption>{lines}</table>"


def bars(names: Iterable[str], shares: Iterable[float]) -> str:
    """Return a bar for each share from 0 to 1, the largest one in another colour."""
    shares = [float(share) for share in shares]
    lines = ""
    for name, share in zip(names, shares):
        colour = "#e07b00" if share == max(shares) else "#4a7fb5"
        bar = f"background: {colour}; width: {round(200 * share)}px; height: 0.8em"
        lines += (
            f'<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}><div style="{bar}"></div></td>'
            f"<td {_LEFT}>{share:.1%}</td></tr>"
        )
    return f"<table>{lines}</table>"


def picture(image: np.ndarray, scale: int = 4) -> str:
    """Return an image of grey levels, (H, W) uint8, each pixel ``scale`` pixels wide: a BMP in the page."""
    high, wide = image.shape
    rows = np.zeros((high, -(-wide // 4) * 4), np.uint8)  # lines of a BMP are multiples of 4 bytes
    rows[:, :wide] = image[::-1]  # and begin at the bottom
    palette = np.repeat(np.arange(256, dtype=np.uint8), 4)
    palette[3::4] = 0
    offset = 14 + 40 + len(palette)
    head = struct.pack("<2sIII", b"BM", offset + rows.size, 0, offset)
    head += struct.pack("<IiiHHIIiiII", 40, wide, high, 1, 8, 0, rows.size, 2835, 2835, 256, 0)
    data = base64.b64encode(head + palette.tobytes() + rows.tobytes()).decode()
    style = "image-rendering: pixelated; margin: 0"
    return f'<img src="data:image/bmp;base64,{data}" width="{scale * wide}" style="{style}">'
