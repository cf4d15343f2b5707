"""docs/board_package.md: what three commands measured of the board's package, each of them a part.

`python -m tools.board_package` makes the page again from the figures that are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from pages.page import Figures, Page

RTL = "RTL"  # How the names of boards end on which a verilated design answers.
_ROOT = Path(__file__).resolve().parents[1]


def keep(part: str, figures: Figures) -> List[Path]:
    """Replace one part of the figures (matrix, soak or driver) and write the page.

    Returns the files written.
    """
    return PAGE.write({**PAGE.figures(), part: figures})


def view(figures: Figures) -> Dict[str, Any]:
    boards = [
        {**board, **{key: _counts(board[key]) for key in ("faults", "errors")}}
        for board in figures["soak"]["boards"]
    ]
    stand_in_images = sum(board["images"] for board in boards if not board["board"].endswith(RTL))
    return {**figures, "boards": boards, "stand_in_images": stand_in_images}


def _counts(counted: Dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


PAGE = Page(
    _ROOT / "docs" / "board_package.md", Path(__file__).parent / "templates" / "board_package.md.j2", view
)

if __name__ == "__main__":
    for written in PAGE.render():
        print(written)
